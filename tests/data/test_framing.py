"""Recipes in NumPy against the same recipes in TensorFlow."""

import itertools
import unittest

import numpy as np
import tensorflow as tf

from tfobj.data import framing
from tfobj.data import preprocessing
from tfobj.data import recipes
from tfobj.data import resizing

FRAMES = ((240, 320, 3), (320, 480, 3), (224, 224, 3), (35, 35, 3), (28, 28, 1), (64, 64, 3))


def noise(*shape):
    """Random uint8 array of `shape`."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class RecipesTest(unittest.TestCase):
    def check(self, recipe, shape, *options):
        """Compares images and masks of two pictures of a shape."""
        mine, other = framing.plan(recipe, shape, *options), preprocessing.plan(recipe, shape, *options)
        images, masks = noise(2, *shape), noise(2, *shape[:2], 1)
        actual, expected = mine.images(images), np.asarray(other.images(images))
        case = f"{recipe} {shape} {options}"
        self.assertEqual((actual.dtype, actual.shape), (expected.dtype, (2, *mine.image_shape)), case)
        self.assertEqual(mine.image_shape, other.image_shape)
        self.assertEqual(mine.keeps_values, expected.dtype == np.uint8, case)
        if mine.keeps_values:
            np.testing.assert_array_equal(actual, expected, case)
        else:
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6, err_msg=case)
        np.testing.assert_array_equal(mine.masks(masks), other.masks(masks), case)

    def test_every_recipe_on_every_frame(self):
        for recipe, shape in itertools.product(recipes.FRAMES, FRAMES):
            self.check(recipe, shape)

    def test_sizes(self):
        for recipe, size in itertools.product(recipes.FRAMES, ("16x40", "97x131")):
            self.check(recipe, (64, 64, 3), size)
        self.check("iodine", (240, 320, 3), "96")

    def test_channels(self):
        for recipe, channels, grayscale in (("none", 1, False), ("iodine", 1, False), ("genesis", 3, True),
                                            ("ast", 0, True), ("iodine_legacy", 1, True)):
            self.check(recipe, (240, 320, 3), "", channels, grayscale)
            self.check(recipe, (28, 28, 1), "32", 3, grayscale)
            self.check(recipe, (28, 28, 1), "", 1, grayscale)

    def test_what_passes_unchanged(self):
        self.assertTrue(framing.plan("iodine", (64, 64, 3)).keeps_everything)
        for plan in (framing.plan("iodine", (240, 320, 3)), framing.plan("genesis", (35, 35, 3)),
                     framing.plan("none", (28, 28, 1), "", 3), framing.plan("none", (28, 28, 3), "", 0, True)):
            self.assertFalse(plan.keeps_everything)


class InterpolationTest(unittest.TestCase):
    def test_odd_ratios(self):
        sizes = (((33, 71), (100, 8)), ((12, 10), (24, 20)), ((50, 50), (49, 51)), ((7, 300), (64, 64)))
        for (old, new), kind in itertools.product(sizes, resizing.KINDS):
            image = noise(1, *old, 3).astype(np.float32) / np.float32(255)
            if kind == "legacy":
                expected = tf.raw_ops.ResizeBilinear(images=image, size=new)
            else:
                expected = tf.image.resize(image, new, antialias=kind == "antialias")
            np.testing.assert_allclose(resizing.interpolate(image, new, kind), expected, rtol=0, atol=1e-6,
                                       err_msg=f"{old} {new} {kind}")

    def test_weights_sum_to_one_and_stay_inside(self):
        for old, new, kind in itertools.product((8, 35, 240), (8, 64, 131), resizing.KINDS):
            indices, weights = resizing.taps(old, new, kind)
            self.assertEqual((indices.shape, weights.dtype), (weights.shape, np.float32))
            self.assertTrue((indices >= 0).all() and (indices < old).all() and (weights >= 0).all())
            np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=2e-7)

    def test_images_of_a_batch_do_not_depend_on_each_other(self):
        images = noise(5, 48, 40, 3)
        for recipe in ("none", "slot_attention", "iodine_legacy"):
            steps = framing.plan(recipe, (48, 40, 3), "24x16", 1)
            alone = np.concatenate([steps.images(images[i:i + 1]) for i in range(5)])
            np.testing.assert_array_equal(steps.images(images), alone)


if __name__ == "__main__":
    unittest.main()
