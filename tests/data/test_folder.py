"""A folder of pictures: every kind of file, the splits, the kept pixels, and what is refused."""

import os
import pathlib
import tempfile
import unittest
import unittest.mock

import numpy as np
import PIL.Image
import tensorflow as tf

from tfobj.config import DataConfig
from tfobj.data import folder_pictures
from tfobj.data import folder_splits
from tfobj.data import memory
from tfobj.data import order
from tfobj.data import pipeline
from tfobj.data.source import open_source
from tfobj.errors import UserError


def picture(level, height=20, width=30):
    """A Pillow image of one gray level with a white upper left quarter."""
    pixels = np.full((height, width, 3), level, np.uint8)
    pixels[:height // 2, :width // 2] = 255
    return PIL.Image.fromarray(pixels)


class FolderTestCase(unittest.TestCase):
    """A temporary directory with `images/` and `data/`."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        self.images = self.root / "images"
        self.images.mkdir()

    def save(self, count):
        """Writes pictures of levels 0, 1, ..."""
        for i in range(count):
            picture(i).save(self.images / f"{i:03}.png")

    def config(self, **knobs):
        """A `DataConfig` of this folder."""
        return DataConfig(**{"dataset": "folder", "image_dir": str(self.images), "image_size": "16x24",
                             "data_dir": str(self.root / "data"), **knobs})


class KindsOfFilesTest(FolderTestCase):
    """What cameras and programs write."""

    def load(self, image, name="one.png", **options):
        """Saves a Pillow image three times, opens the folder and returns the picture to train with."""
        for copy in "abc":
            image.save(self.images / f"{copy}{name}", **options)
        source = open_source(self.config())
        return source.decode(source.read("train", [0])[0])["image"].numpy()

    def test_modes_become_rgb(self):
        conversions = {mode: lambda image, mode=mode: image.convert(mode) for mode in ("RGB", "RGBA", "L", "LA")}
        conversions["P"] = lambda image: image.quantize(4)
        expected = self.load(picture(100), "RGB.png")
        self.assertEqual((expected.dtype, expected.shape), (np.uint8, (16, 24, 3)))
        self.assertEqual((expected[0, 0, 0], expected[-1, -1, 2]), (255, 100))
        for mode, convert in conversions.items():
            with self.subTest(mode):
                np.testing.assert_array_equal(self.load(convert(picture(100)), "RGB.png"), expected)

    def test_cmyk_jpeg(self):
        actual = self.load(picture(100).convert("CMYK"), "cmyk.jpg", quality=95)
        self.assertLess(np.max(np.abs(actual[-6:, -8:].astype(int) - 100)), 6)

    def test_sixteen_bits_are_scaled(self):
        actual = self.load(PIL.Image.fromarray(np.full((20, 30), 257 * 123, np.uint16)))
        np.testing.assert_array_equal(actual, np.full((16, 24, 3), 123))

    def test_exif_rotation_is_applied(self):
        exif = PIL.Image.Exif()
        exif[0x0112] = 6  # turn by 90 degrees clockwise to view
        actual = self.load(picture(0), "turned.jpg", exif=exif, quality=95)
        self.assertGreater(actual[:6, -10:].min(), 200)  # the white quarter moved to the upper right
        self.assertLess(actual[:6, :10].max(), 50)

    def test_large_photo_is_averaged(self):
        actual = self.load(picture(100, 1200, 1600), "large.jpg", quality=95)
        self.assertLess(np.max(np.abs(actual[:7, :11].astype(int) - 255)), 3)
        self.assertLess(np.max(np.abs(actual[9:].astype(int) - 100)), 3)


class FolderSourceTest(FolderTestCase):
    """The data set."""

    def test_splits_by_sorted_path(self):
        self.save(40)
        (self.images / "a" / "b").mkdir(parents=True)
        picture(50).save(self.images / "a" / "b" / "Deep.JPEG")
        picture(51).save(self.images / "a" / "upper.PNG")
        (self.images / "notes.txt").write_text("no image")
        (self.images / "._000.png").write_text("what other systems leave behind")
        source = open_source(self.config())
        sizes = [source.num_examples(split) for split in ("train", "validation", "test")]
        self.assertEqual(sizes, [38, 2, 2])
        self.assertEqual(source.paths("validation"), ["038.png", "039.png"])
        self.assertEqual(source.paths("test"), [os.path.join("a", "b", "Deep.JPEG"), os.path.join("a", "upper.PNG")])
        self.assertEqual((source.image_shape, source.has_masks, source.max_objects), ((16, 24, 3), False, None))

    def test_batches(self):
        self.save(10)
        source = open_source(self.config())
        data = pipeline.TrainingInput(source, self.config(), 4, 0)
        batch = next(data.dataset().as_numpy_iterator())
        self.assertEqual(set(batch), {"image"})
        self.assertEqual((batch["image"].dtype, batch["image"].shape), (np.uint8, (4, 16, 24, 3)))
        np.testing.assert_array_equal(batch["image"][:, -1, -1, 0], order.epoch_order(0, 0, 8)[:4])
        batch = next(pipeline.EvaluationInput(source, self.config(), "test", 0, 2).dataset().as_numpy_iterator())
        np.testing.assert_array_equal(batch["image"][:, -1, -1, 0], [9, 9])
        np.testing.assert_array_equal(batch["valid"], [True, False])

    def test_as_arrays(self):
        self.save(40)
        for knobs in ({}, {"image_channels": 1}, {"image_size": "240x320", "preprocessing": "slot_attention"}):
            config = self.config(**knobs)
            source, held = open_source(config), memory.open_source(config)
            self.assertEqual((held.image_shape, held.fingerprint()), (source.image_shape, source.fingerprint()))
            first = pipeline.TrainingInput(source, config, 4, 7)
            second = memory.MemoryTrainingInput(held, config, 4, 7)
            for step, batch in enumerate(first.dataset().take(3).as_numpy_iterator()):
                self.assertEqual(set(second.batch(step)), {"image"})
                np.testing.assert_allclose(second.batch(step)["image"], batch["image"], rtol=0, atol=1e-6)
                np.testing.assert_array_equal(second.images[second.rows(step)], second.batch(step)["image"])
        with self.assertRaisesRegex(UserError, "--min_objects/--max_objects"):
            memory.MemoryTrainingInput(held, self.config(max_objects=3), 2, 0)

    def test_records_decode(self):
        self.save(4)
        source = open_source(self.config())
        images = [source.decode(record)["image"].numpy() for record in source.records("train")]
        self.assertEqual([image[-1, -1, 0] for image in images], [0, 1])

    def test_gray_model(self):
        self.save(4)
        source = open_source(self.config(image_channels=1))
        self.assertEqual(source.image_shape, (16, 24, 1))
        self.assertEqual(source.batch(source.read("train", [0]))["image"].dtype, tf.float32)

    def test_pictures_are_read_once(self):
        self.save(4)
        first = open_source(self.config())
        with unittest.mock.patch.object(folder_pictures, "_try_load", side_effect=AssertionError("read again")):
            again = open_source(self.config())
        np.testing.assert_array_equal(again.read("test", [0]), first.read("test", [0]))
        self.assertEqual(again.fingerprint(), first.fingerprint())
        picture(77).save(self.images / "003.png")
        changed = open_source(self.config())
        self.assertEqual(changed.decode(changed.read("test", [0])[0])["image"][-1, -1, 0], 77)

    def test_data_dir_that_cannot_be_written(self):
        self.save(4)
        (self.root / "file").write_text("in the way")
        source = open_source(self.config(data_dir=str(self.root / "file" / "data")))
        self.assertEqual(source.num_examples("train"), 2)

    def test_recipe_crops_do_not_apply(self):
        self.save(3)
        source = open_source(self.config(image_size="240x320", preprocessing="slot_attention"))
        self.assertEqual(source.image_shape, (240, 320, 3))


class RefusalTest(FolderTestCase):
    """One line each."""

    def refuse(self, pattern, **knobs):
        """Asserts that opening fails with a one-line message that matches."""
        with self.assertRaisesRegex(UserError, pattern):
            open_source(self.config(**knobs))

    def test_no_size(self):
        self.refuse("needs --image_size", image_size="")

    def test_no_directory(self):
        self.refuse("needs --image_dir", image_dir="")
        self.refuse("--image_dir=/nowhere is no directory", image_dir="/nowhere")

    def test_too_few_files(self):
        self.save(2)
        self.refuse("holds 2 PNG or JPEG files; at least 3")

    def test_a_file_that_is_no_image(self):
        self.save(5)
        (self.images / "broken.png").write_bytes(b"this is text")
        self.refuse(r"images/broken\.png: this is no image.*; remove or replace this file$")
        (self.images / "another.jpg").write_bytes(b"")
        self.refuse(r"another\.jpg: .* \(and 1 more files like it\)")
        self.assertEqual(list((self.root / "data" / "folder").iterdir()), [])  # nothing half-written

    def test_a_photo_cut_off(self):
        self.save(5)
        rng = np.random.default_rng(0)
        PIL.Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(self.images / "cut.jpg")
        content = (self.images / "cut.jpg").read_bytes()
        (self.images / "cut.jpg").write_bytes(content[:len(content) // 2])
        self.refuse(r"cut\.jpg: cannot be read")

    def test_object_filters(self):
        self.save(5)
        with self.assertRaisesRegex(UserError, "--min_objects/--max_objects"):
            pipeline.TrainingInput(open_source(self.config()), self.config(max_objects=3), 2, 0)

    def test_descriptions_of_objects(self):
        self.save(5)
        config = self.config(exclude_objects="shape:sphere")
        with self.assertRaisesRegex(UserError, "--exclude_objects/--require_objects: a folder of images does "
                                                "not say what they show"):
            pipeline.TrainingInput(open_source(config), config, 2, 0)

    def test_fewer_pictures_than_a_batch(self):
        self.save(5)
        for batch_size, needed in ((64, 70), (16, 18)):
            with self.assertRaisesRegex(
                    UserError, f"^--image_dir={self.images} leaves 3 pictures to train on, .* fewer than --batch_size="
                    f"{batch_size}; use --batch_size=3, or add .* there are {needed}$"):
                pipeline.TrainingInput(open_source(self.config()), self.config(), batch_size, 0)
            self.assertEqual(folder_splits.parts(needed)["train"].stop, batch_size)
            self.assertLess(folder_splits.parts(needed - 1)["train"].stop, batch_size)


if __name__ == "__main__":
    unittest.main()
