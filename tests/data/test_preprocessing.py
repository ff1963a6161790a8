"""Recipes: which window of the frame survives, how it is resized, and what is refused."""

import unittest

import numpy as np
import PIL.Image
import tensorflow as tf

from tfobj.config import DataConfig
from tfobj.data import framing
from tfobj.data import preprocessing
from tfobj.data import recipes
from tfobj.data import resizing
from tfobj.errors import UserError


def ramp(height, width):
    """uint8 [1,H,W,3] whose pixels tell their row // 2 and column // 2."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows // 2, columns // 2, np.zeros_like(rows)], -1).astype(np.uint8)[None]


def noise(*shape):
    """Random uint8 array of `shape`."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class RecipeTest(unittest.TestCase):
    """The table of native frames."""

    def test_crops_are_the_documented_windows(self):
        windows = [("iodine", (240, 320), (29, 221), (64, 256)), ("slot_attention", (240, 320), (29, 221), (64, 256)),
                   ("slot_attention", (320, 480), (24, 312), (96, 384)), ("genesis", (240, 320), (24, 216), (64, 256)),
                   ("genesis", (224, 224), (14, 210), (14, 210)), ("ast", (240, 320), (24, 216), (64, 256)),
                   ("ast", (224, 224), (14, 210), (14, 210)), ("clevrtex", (240, 320), (24, 216), (64, 256)),
                   ("iodine_legacy", (240, 320), (29, 221), (64, 256)),
                   ("slot_attention_properties", (320, 480), (0, 320), (0, 480)),
                   ("slot_attention_properties", (240, 320), (0, 240), (0, 320)),
                   ("clevrtex", (224, 224), (14, 210), (14, 210)),
                   ("none", (240, 320), (0, 240), (0, 320)), ("iodine", (64, 64), (0, 64), (0, 64))]
        for recipe, frame, rows, columns in windows:
            with self.subTest(recipe=recipe, frame=frame):
                size = f"{rows[1] - rows[0]}x{columns[1] - columns[0]}"  # of the crop, so that nothing is resized
                image = preprocessing.plan(recipe, (*frame, 3), size).images(ramp(*frame))
                expected = ramp(*frame)[:, rows[0]:rows[1], columns[0]:columns[1]]
                self.assertEqual(image.dtype, tf.uint8)
                np.testing.assert_array_equal(image, expected)

    def test_default_sizes(self):
        sizes = [("iodine", (240, 320), (128, 128)), ("iodine_legacy", (240, 320), (128, 128)),
                 ("slot_attention", (240, 320), (128, 128)), ("slot_attention", (320, 480), (128, 128)),
                 ("slot_attention_properties", (320, 480), (128, 128)), ("slot_attention", (35, 35), (35, 35)),
                 ("genesis", (240, 320), (128, 128)), ("genesis", (35, 35), (32, 32)), ("genesis", (64, 64), (64, 64)),
                 ("genesis", (224, 224), (64, 64)), ("ast", (240, 320), (128, 128)), ("ast", (224, 224), (64, 64)),
                 ("clevrtex", (240, 320), (128, 128)), ("none", (240, 320), (240, 320))]
        for recipe, frame, size in sizes:
            with self.subTest(recipe=recipe, frame=frame):
                self.assertEqual(preprocessing.plan(recipe, (*frame, 3)).image_shape, (*size, 3))

    def test_images_of_the_final_size_pass_unchanged(self):
        for recipe in recipes.FRAMES:
            for side in (28, 64, 128):
                image, mask = noise(1, side, side, 3), noise(1, side, side, 1)
                steps = preprocessing.plan(recipe, (side, side, 3))
                np.testing.assert_array_equal(steps.images(image), image, f"{recipe} {side}")
                np.testing.assert_array_equal(steps.masks(mask)[0], mask[0, ..., 0])

    def test_how_the_papers_resize_clevr(self):
        rules = {"iodine": ("bilinear", "half_pixel"), "iodine_legacy": ("legacy", "floor"),
                 "slot_attention": ("bilinear", "half_pixel"), "slot_attention_properties": ("bilinear", "half_pixel"),
                 "genesis": ("nearest", "floor"), "ast": ("antialias", "half_pixel"),
                 "clevrtex": ("antialias", "half_pixel")}
        self.assertEqual(set(rules), set(recipes.FRAMES) - {"none"})
        for recipe, rule in rules.items():
            steps = preprocessing.plan(recipe, (240, 320, 3))
            self.assertEqual((steps.resize, steps.mask_rule), rule, recipe)

    def test_flags_offer_every_recipe(self):
        self.assertEqual(set(DataConfig.__dataclass_fields__["preprocessing"].metadata["choices"]), set(recipes.FRAMES))

    def test_bilinear_equals_rescaling_first(self):
        image = noise(2, 240, 320, 3)
        reference = (tf.cast(image, tf.float32) / 255.0 - 0.5) * 2.0
        reference = tf.image.resize(reference[:, 29:221, 64:256], (128, 128), "bilinear")
        actual = preprocessing.plan("slot_attention", (240, 320, 3)).images(image)
        np.testing.assert_allclose(actual * 2.0 - 1.0, tf.clip_by_value(reference, -1, 1), atol=1e-6)

    def test_antialias_equals_pillow_within_one_level(self):
        image = noise(1, 240, 320, 3)
        pillow = PIL.Image.fromarray(image[0, 24:216, 64:256]).resize((128, 128), PIL.Image.Resampling.BILINEAR)
        actual = preprocessing.plan("ast", (240, 320, 3)).images(image)[0] * 255.0
        self.assertLess(np.max(np.abs(actual - np.asarray(pillow, np.float32))), 1.0)

    def test_images_of_a_batch_do_not_depend_on_each_other(self):
        images = noise(5, 48, 40, 3)
        for recipe in ("none", "slot_attention", "genesis"):
            steps = preprocessing.plan(recipe, (48, 40, 3), "24x16", 1)
            alone = np.concatenate([steps.images(images[i:i + 1]) for i in range(5)])
            np.testing.assert_array_equal(steps.images(images), alone)

    def test_masks_keep_their_values_and_follow_the_image(self):
        masks = np.random.default_rng(0).choice(np.array([0, 3, 255], np.uint8), (1, 240, 320, 1))
        for recipe, first in (("slot_attention", 29), ("genesis", 24)):
            steps = preprocessing.plan(recipe, (240, 320, 3), "64")
            mask = steps.masks(masks)
            self.assertEqual((mask.dtype, mask.shape), (tf.uint8, (1, 64, 64)))
            offset = 0 if recipe == "genesis" else 1  # 192 -> 64: the first or the middle one of three pixels
            np.testing.assert_array_equal(mask[0], masks[0, first + offset:first + 192:3, 64 + offset:256:3, 0])

    def test_genesis_resizes_images_like_masks(self):
        images = noise(1, 35, 35, 3)
        actual = preprocessing.plan("genesis", (35, 35, 3)).images(images)
        index = np.arange(32) * 35 // 32
        np.testing.assert_array_equal(actual[0], images[0][index][:, index])


class NearestTest(unittest.TestCase):
    """Source pixels of nearest neighbour."""

    def test_known_indices(self):
        np.testing.assert_array_equal(resizing.nearest_indices(192, 128)[:6], [0, 2, 3, 5, 6, 8])
        np.testing.assert_array_equal(resizing.nearest_indices(192, 128, "floor")[:6], [0, 1, 3, 4, 6, 7])

    def test_half_pixel_equals_tensorflow(self):
        for old, new in ((192, 128), (35, 32), (35, 64), (64, 63), (7, 100), (480, 128)):
            column = np.arange(old)[:, None, None].repeat(2, 1)
            expected = tf.image.resize(column, (new, 2), "nearest")[:, 0, 0]
            np.testing.assert_array_equal(resizing.nearest_indices(old, new), expected)


class ChannelsTest(unittest.TestCase):
    """Gray to colour and back."""

    def test_mean_of_colours(self):
        images = noise(1, 8, 8, 3)
        actual = preprocessing.plan("none", (8, 8, 3), "", 1).images(images)
        self.assertEqual(actual.shape, (1, 8, 8, 1))
        np.testing.assert_allclose(actual[..., 0], images.mean(-1) / 255.0, atol=1e-6)

    def test_grayscale_keeps_the_number_of_channels(self):
        images = noise(1, 240, 320, 3)
        one = preprocessing.plan("iodine", (240, 320, 3), "", 1).images(images)
        gray = preprocessing.plan("iodine", (240, 320, 3), "", 0, grayscale=True).images(images)
        self.assertEqual((one.shape, gray.shape), ((1, 128, 128, 1), (1, 128, 128, 3)))
        np.testing.assert_array_equal(gray, np.repeat(one, 3, -1))
        # The mean over the colours of what the model of colour images sees.
        colour = preprocessing.plan("iodine", (240, 320, 3)).images(images)
        np.testing.assert_allclose(one[..., 0], np.mean(colour, -1), atol=1e-6)

    def test_gray_is_repeated_and_stays_uint8(self):
        images = noise(1, 8, 8, 1)
        actual = preprocessing.plan("none", (8, 8, 1), "", 3).images(images)
        self.assertEqual(actual.dtype, tf.uint8)
        np.testing.assert_array_equal(actual, images.repeat(3, -1))


class RefusalTest(unittest.TestCase):
    """Impossible requests."""

    def test_sizes(self):
        for text in ("7", "abc", "64x", "64x64x3", "-5", "5000", "64x4", "6.5"):
            with self.subTest(text), self.assertRaisesRegex(UserError, "--image_size"):
                framing.parse_image_size(text)
        self.assertEqual(framing.parse_image_size("96x128"), (96, 128))
        self.assertEqual(framing.parse_image_size("64"), (64, 64))
        self.assertIsNone(framing.parse_image_size(""))

    def test_crop_beyond_the_image(self):
        with self.assertRaisesRegex(UserError, "rows 29:221 .* 200x320"):
            preprocessing.Preprocessing((200, 320, 3), (29, 221), (64, 256), (128, 128))

    def test_two_channels(self):
        with self.assertRaisesRegex(UserError, "--image_channels=2"):
            preprocessing.plan("none", (64, 64, 3), "", 2)

    def test_unknown_recipe(self):
        with self.assertRaisesRegex(UserError, "--preprocessing='monet'"):
            preprocessing.plan("monet", (64, 64, 3))


class FitImageTest(unittest.TestCase):
    """Photos of any size, in and out."""

    def test_same_size_is_exact(self):
        image = noise(32, 48, 3)
        np.testing.assert_array_equal(preprocessing.fit_image(image, (32, 48, 3)), image.astype(np.float32) / 255.0)

    def test_graph_with_dynamic_size_equals_eager(self):
        fit = tf.function(lambda image: preprocessing.fit_image(image, (32, 48, 3)),
                          input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
        for size in ((100, 37), (16, 200), (32, 48)):
            image = noise(*size, 3)
            np.testing.assert_allclose(fit(image), preprocessing.fit_image(image, (32, 48, 3)), atol=1e-6)

    def test_shrinking_averages(self):
        image = np.zeros((64, 64, 3), np.uint8)
        image[::2] = 255
        self.assertLess(np.max(np.abs(preprocessing.fit_image(image, (16, 16, 3)) - 0.5)), 0.1)

    def test_photos_look_as_the_frames_that_a_recipe_reduces(self):
        image = noise(320, 480, 3)
        plan = preprocessing.plan("slot_attention_properties", image.shape)
        antialias = framing.shrinks_with_antialias("slot_attention_properties")
        frame = plan.images(image[None])[0]
        np.testing.assert_allclose(preprocessing.fit_image(image, (128, 128, 3), antialias), frame, atol=1e-6)
        self.assertGreater(np.abs(preprocessing.fit_image(image, (128, 128, 3)) - frame).max(), 0.1)
        self.assertEqual([name for name in recipes.FRAMES if not framing.shrinks_with_antialias(name)],
                         ["slot_attention_properties"])

    def test_gray_and_alpha(self):
        gray = noise(20, 30)
        np.testing.assert_array_equal(preprocessing.fit_image(gray, (20, 30, 3))[..., 1], gray / np.float32(255))
        colour = noise(20, 30, 4)
        np.testing.assert_allclose(preprocessing.fit_image(colour, (20, 30, 1))[..., 0],
                                   colour[..., :3].mean(-1) / 255.0, atol=1e-6)

    def test_map_back(self):
        segmentation = np.arange(6, dtype=np.int32).reshape(2, 3)
        back = tf.function(preprocessing.map_back,
                           input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([2], tf.int32)])
        expected = segmentation.repeat(4, 0).repeat(5, 1)
        np.testing.assert_array_equal(preprocessing.map_back(segmentation, (8, 15)), expected)
        np.testing.assert_array_equal(back(segmentation, [8, 15]), expected)


if __name__ == "__main__":
    unittest.main()
