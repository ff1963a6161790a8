"""CLEVR with properties: a small CLEVR_v1.0.zip through TFDS' own builder; the generated set."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow_datasets as tfds

from tests.data import small_releases
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data.builders import clevr_files
from tfobj.data.builders.clevr_properties import ClevrProperties
from tfobj.errors import UserError

URL = "https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip"
COUNTS = {"train": (3, 10, 6, 4), "val": (5, 8), "test": (0, 0, 0)}


def picture(split, index):
    """Picture of a scene; those with odd numbers have an alpha channel."""
    return small_releases.photo(10 * sorted(COUNTS).index(split) + index, 320, 480, 3 + index % 2)


def scene_objects(number):
    """Properties as the release writes them."""
    return [{"shape": ("cylinder", "cube")[k % 2], "color": "cyan" if k else "red", "size": "large",
             "material": "metal", "rotation": 36.5 * k, "3d_coords": [0.5 * k, -1.0, 0.7],
             "pixel_coords": [10 * k, 200, 11.5]}
            for k in range(number)]


def release():
    """dict from path to content: CLEVR_v1.0 with images, scenes (not of test) and questions."""
    files = {}
    for split, counts in COUNTS.items():
        names = [f"CLEVR_{split}_{index:06d}.png" for index in range(len(counts))]
        for index, name in enumerate(names):
            files[f"CLEVR_v1.0/images/{split}/{name}"] = small_releases.png(picture(split, index))
        scenes = [{"image_filename": name, "objects": scene_objects(number)} for name, number in zip(names, counts)]
        if split != "test":
            files[f"CLEVR_v1.0/scenes/CLEVR_{split}_scenes.json"] = json.dumps({"scenes": scenes}).encode()
        questions = [{"image_filename": name, "question": "How many?", "answer": "1"} for name in names]
        files[f"CLEVR_v1.0/questions/CLEVR_{split}_questions.json"] = json.dumps({"questions": questions}).encode()
    return files


@contextlib.contextmanager
def registered(path, digest=""):
    """Lets TFDS take the size and checksum of a file (or `digest`) for those of CLEVR_v1.0.zip."""
    with open(path, "rb") as file:
        digest = digest or hashlib.sha256(file.read()).hexdigest()
    infos = tfds.builder_cls("clevr").url_infos
    info = type(infos[URL])(size=os.path.getsize(path), checksum=digest, filename="CLEVR_v1.0.zip")
    with unittest.mock.patch.dict(infos, {URL: info}):
        yield


class OfficialTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory, cls.files = directory.name, release()
        cls.archive = small_releases.write_zip(os.path.join(cls.directory, "originals", "clevr", "CLEVR_v1.0.zip"),
                                               cls.files)
        with registered(cls.archive):
            cls.builder = small_releases.prepare("clevr_properties", cls.directory, workers=2)

    def test_examples(self):
        for split, folder in (("train", "train"), ("validation", "val"), ("test", "test")):
            found = small_releases.examples(self.builder, split)
            names = [example["file_name"].decode() for example in found]
            self.assertEqual(sorted(names), [f"CLEVR_{folder}_{index:06d}.png" for index in range(len(COUNTS[folder]))])
            for example, stored in zip(found, small_releases.stored_pictures(self.builder, split)):
                index = int(example["file_name"][-10:-4])
                np.testing.assert_array_equal(example["image"], picture(folder, index)[..., :3])
                original = self.files[f"CLEVR_v1.0/images/{folder}/{example['file_name'].decode()}"]
                self.assertEqual(stored == original, index % 2 == 0)  # those with an alpha channel are encoded again
                self.check_objects(example, COUNTS[folder][index])

    def check_objects(self, example, number):
        self.assertEqual(example["num_objects"], number)
        self.assertEqual(example["visibility"].tolist(), [True] * (number + 1) + [False] * (10 - number))
        objects, rows = example["objects"], np.arange(10) < number
        np.testing.assert_array_equal(objects["shape"], [2, 0] * 5 * rows)  # cube, sphere, cylinder
        np.testing.assert_array_equal(objects["color"], np.array([4] + [7] * 9) * rows)  # 4 red, 7 cyan
        np.testing.assert_array_equal(objects["size"], 1 * rows)
        np.testing.assert_array_equal(objects["material"], 1 * rows)
        np.testing.assert_array_equal(objects["rotation"], 36.5 * np.arange(10) * rows)
        np.testing.assert_array_equal(objects["coords_3d"][:, 0], 0.5 * np.arange(10) * rows)
        np.testing.assert_array_equal(objects["pixel_coords"][:, 2], 11.5 * rows)

    def test_order_is_that_of_the_stock_set_and_a_prepared_one_is_used_as_it_is(self):
        stock = tfds.builder("clevr:3.1.0", data_dir=self.directory)
        names = [example["file_name"] for example in small_releases.examples(stock, "train")]
        self.assertEqual([example["file_name"] for example in small_releases.examples(self.builder, "train")], names)
        with tempfile.TemporaryDirectory() as directory:
            shutil.copytree(os.path.join(self.directory, "clevr"), os.path.join(directory, "clevr"))
            again = small_releases.prepare("clevr_properties", directory)  # there is no archive
            self.assertEqual([example["file_name"] for example in small_releases.examples(again, "train")], names)

    def test_stock_classes_are_ours(self):
        objects = tfds.builder("clevr:3.1.0", data_dir=self.directory).info.features["objects"].feature
        for name in ("shape", "size", "color", "material"):
            self.assertEqual(self.builder.info.features["objects"][name].feature.names, objects[name].names)

    def test_nothing_is_said_about_a_stock_set_that_is_not_there(self):
        offline = unittest.mock.Mock(download_dir=os.path.join(self.directory, "elsewhere", "downloads"), offline=True)
        with self.assertNoLogs("absl", "WARNING"), self.assertRaises(UserError):
            ClevrProperties(config="official").official.splits(offline, os.path.dirname(self.archive), {}, 1)

    def test_errors(self):
        with tempfile.TemporaryDirectory() as directory:
            with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
                with self.assertRaisesRegex(UserError, f"{URL} could not .* {directory}/originals/CLEVR_v1.0.zip"):
                    small_releases.prepare("clevr_properties", directory)
            manual = os.path.dirname(self.archive)
            with self.assertRaisesRegex(UserError, f"{self.archive}: not the original .* instead of 19,021,600,724"):
                small_releases.prepare("clevr_properties", directory, manual_dir=manual)
            with registered(self.archive, "0" * 64), self.assertRaisesRegex(UserError, "another checksum"):
                small_releases.prepare("clevr_properties", directory, manual_dir=manual)
            offline = unittest.mock.Mock(download_dir=os.path.join(directory, "downloads"), offline=True, given=None)
            with self.assertRaisesRegex(UserError, f"{self.archive}: is checked while it is prepared"):
                ClevrProperties(config="official").official.splits(offline, manual, {}, 1)
            self.assertFalse(os.path.exists(os.path.join(directory, "clevr_properties", "official")))
        with self.assertRaisesRegex(UserError, "x.png: lists 11 objects"):
            clevr_files.read_scene("x.png", b"", {"shape": np.zeros(11)})
        with self.assertRaisesRegex(UserError, "x.png: a picture of 32x48 pixels .* expected 320x480"):
            clevr_files.read_scene("x.png", small_releases.png(small_releases.photo(0, 32, 48)), {"shape": np.zeros(3)})


class GeneratedTest(unittest.TestCase):

    def test_schema(self):
        sizes = ClevrProperties.builder_configs["generated"].split_sizes
        self.assertEqual(sizes, {"train": 20_000, "validation": 1_000, "test": 1_000})
        with tempfile.TemporaryDirectory() as directory:
            config = DataConfig(dataset="clevr_properties", dataset_config="tiny", data_dir=directory)
            builder = prepared.prepare_dataset(config, split_sizes={"train": 2, "validation": 1, "test": 1})
            for example in small_releases.examples(builder, "train"):
                self.assertEqual((example["image"].shape, example["mask"].shape), ((128, 128, 3), (128, 128, 1)))
                self.assertEqual(example["num_objects"], (np.bincount(example["mask"].reshape(-1))[1:] > 0).sum())
                self.assertEqual(set(example["objects"]), {"shape", "size", "color", "material", "rotation",
                                                           "coords_3d", "pixel_coords"})
        official = ClevrProperties(config="official").info.features
        self.assertEqual(set(official) ^ set(builder.info.features), {"file_name", "mask"})
        self.assertEqual(str(official["objects"].get_tensor_spec()),
                         str(builder.info.features["objects"].get_tensor_spec()))


if __name__ == "__main__":
    unittest.main()
