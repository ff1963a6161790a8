"""APC: a small release in the original layout, unpacked and as zip archive; golden pictures; errors."""

import os
import random
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow as tf
from PIL import Image

from tests import golden_arrays
from tests.data import small_releases
from tfobj.data.builders import apc_files
from tfobj.errors import UserError

SCENES = [f"{place}/{thing}/scene-{number}" for place, thing, number in (
    *(("shelf", "duct_tape", f"{number:04d}") for number in range(6)),
    *(("tote", "avery_binder", f"{number:04d}") for number in range(5)), ("tote", "avery_binder", "empty"))]


def mask(seed):
    """A mask of 480x640: 255 in a box, 128 (nothing) in another one."""
    values = np.zeros((480, 640), np.uint8)
    values[100 + seed:300, 200:400 + seed], values[400:, :] = 255, 128
    return values


def frame(scene, number):
    """Paths of a picture and its mask."""
    folder = f"training/{scene}"
    return f"{folder}/frame-{number:06d}.color.png", f"{folder}/masks/frame-{number:06d}.mask.png"


def release():
    """dict from path to content, two frames per scene."""
    files = {}
    for index, scene in enumerate(SCENES):
        for number in range(2):
            image_name, mask_name = frame(scene, number)
            files[image_name] = small_releases.png(small_releases.photo(2 * index + number, 480, 640))
            files[image_name.replace("color", "depth")] = b"not needed"
            if not scene.endswith("empty"):
                files[mask_name] = small_releases.png(mask(2 * index + number))
    return files


class PicturesTest(unittest.TestCase):

    def test_golden_picture_and_mask(self):
        arrays = golden_arrays.load("genesis_v2_data")
        top, bottom, left, right = arrays["apc.mask_raw_box_y0y1x0x1"]
        values = np.zeros((480, 640), np.uint8)
        values[top:bottom, left:right] = 255
        scene = apc_files.read_frame("scene", "image", small_releases.png(small_releases.waves(480, 640)), "mask",
                                     small_releases.png(values))
        image, labels = (tf.io.decode_png(scene[name]).numpy() for name in ("image", "mask"))
        self.assertEqual(image.shape, (128, 128, 3))
        stride = 128 // len(arrays["apc.rgb128"])  # the arrays that are shipped hold every fourth pixel
        self.assertLessEqual(np.abs(image[::stride, ::stride] - arrays["apc.rgb128"].astype(int)).max(), 1)
        np.testing.assert_array_equal(labels[::stride, ::stride, 0], arrays["apc.mask128"])

    def test_size_and_place_of_the_square(self):
        for width, height, box in ((640, 480, (21, 0)), (480, 640, (0, 21)), (128, 128, (0, 0))):
            ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
            picture = Image.fromarray(ramp)
            shorter = min(width, height)
            resized = picture.resize((128 * width // shorter, 128 * height // shorter), Image.Resampling.NEAREST)
            wanted = np.asarray(resized)[box[1]:box[1] + 128, box[0]:box[0] + 128]
            np.testing.assert_array_equal(apc_files.square(picture, Image.Resampling.NEAREST), wanted)


class OfficialTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory, self.files = directory.name, release()
        self.manual = os.path.join(self.directory, "originals")

    def put(self, **changes):
        small_releases.write_tree(os.path.join(self.manual, "apc"), {**self.files, **changes})

    def prepare(self, **changes):
        return small_releases.prepare("apc", self.directory, **changes)

    def check(self, builder):
        order = sorted(SCENES)
        random.Random(0).shuffle(order)
        for split, scenes in (("validation", order[:1]), ("test", order[1:2]), ("train", order[2:])):
            found = small_releases.examples(builder, split)
            self.assertEqual(sorted(example["scene"].decode() for example in found), sorted(scenes + scenes))
        pictures = {}
        for index, scene in enumerate(SCENES):
            for number in range(2):
                picture = Image.fromarray(small_releases.photo(2 * index + number, 480, 640))
                square = picture.resize((170, 128), Image.Resampling.BILINEAR).crop((21, 0, 149, 128))
                pictures[np.asarray(square).tobytes()] = scene, 2 * index + number
        for example in (example for split in ("train", "validation", "test")
                        for example in small_releases.examples(builder, split)):
            scene, seed = pictures.pop(example["image"].tobytes())
            self.assertEqual(example["scene"].decode(), scene)
            wanted = np.zeros((128, 128), np.uint8)
            if not scene.endswith("empty"):
                resized = Image.fromarray(mask(seed)).resize((170, 128), Image.Resampling.NEAREST)
                wanted = np.asarray(resized)[:, 21:149] // 255
            np.testing.assert_array_equal(example["mask"][..., 0], wanted)
            self.assertEqual(example["visibility"].tolist(), [True, not scene.endswith("empty")])
            self.assertEqual(example["num_objects"], int(not scene.endswith("empty")))
        self.assertFalse(pictures)

    def test_unpacked_release(self):
        self.put()
        builder = self.prepare(workers=2)
        self.check(builder)
        self.assertEqual(set(builder.info.features), {"image", "mask", "visibility", "num_objects", "id", "scene"})

    def test_archive_is_read_in_place(self):
        path = small_releases.write_zip(os.path.join(self.manual, "training.zip"), self.files)
        self.check(self.prepare())
        self.assertEqual(os.listdir(self.manual), ["training.zip"])
        self.assertFalse(os.path.exists(os.path.join(self.directory, "downloads", "unpacked")))
        image = frame(SCENES[0], 0)[0]
        with open(path, "rb+") as file:
            content = file.read()
            file.seek(content.index(self.files[image]) + 100)
            file.write(b"damage")
        other = os.path.join(self.directory, "other")
        with self.assertRaisesRegex(UserError, f"{path}: {image} is damaged .*CRC"):
            small_releases.prepare("apc", other, manual_dir=self.manual)
        with open(path, "rb+") as file:
            file.truncate(len(content) // 2)
        with self.assertRaisesRegex(UserError, f"{path}: no readable zip archive"):
            small_releases.prepare("apc", other, manual_dir=self.manual)

    def test_errors(self):
        with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
            with self.assertRaisesRegex(UserError, f"{self.manual}/training.zip; or unpack the release to"):
                self.prepare()
        image, mask_name = frame(SCENES[1], 0)
        small = small_releases.png(mask(0)[::2, ::2])
        for name, content, message in (
                (mask_name, small, f"{mask_name}: a picture of 240x320 pixels .* expected 480x640"),
                (mask_name, small_releases.png(mask(0), palette=True), f"{mask_name}: a picture of mode P"),
                (image, small_releases.png(mask(0)), f"{image}: a picture of mode L, expected RGB"),
                (image, b"", f"{image}: no readable picture")):
            self.put(**{name: content})
            with self.subTest(message=message), self.assertRaisesRegex(UserError, message):
                self.prepare()
        self.put()
        os.remove(os.path.join(self.manual, "apc", mask_name))
        with self.assertRaisesRegex(UserError, f"{mask_name} is missing, the mask of {image}"):
            self.prepare()
        path = small_releases.write_zip(os.path.join(self.manual, "a", "training.zip"), {"training/x": b""})
        with self.assertRaisesRegex(UserError, f"{path}: holds no picture training"):
            self.prepare(manual_dir=os.path.dirname(path))


if __name__ == "__main__":
    unittest.main()
