"""The HDF5 file of the Shapes set: conversion, layout, damage."""

import os
import tempfile
import unittest

import h5py
import numpy as np

from tests.data import builds
from tests.data import record_files
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data.builders import official_shapes
from tfobj.data.scenes import generation
from tfobj.data.scenes import shapes
from tfobj.errors import UserError

COUNTS = {"training": 5, "validation": 2, "test": 3}


def scenes(group):
    """Drawn scenes that stand for the images of a group."""
    return [shapes.ShapesScenes().draw(generation.example_rng(1, "train", index)) for index in range(COUNTS[group])]


def arrays(group):
    """dict from path in the file to array, of a group."""
    drawn = scenes(group)
    images, masks = (np.stack([scene[name] for scene in drawn]) for name in ("image", "mask"))
    return {f"{group}/features": np.float32(images[None] // 255),  # [1,N,28,28,1]
            f"{group}/groups": np.float32(np.where(masks == 255, 0, masks)[None, ..., None])}


class OfficialShapesTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(self.directory, "shapes.h5")
        self.config = DataConfig(dataset="shapes", dataset_config="official", data_dir=self.directory,
                                 manual_dir=self.directory)

    def write(self, **changes):
        """Writes the file, with other arrays under some paths (`/` written as two underscores); None leaves one out."""
        content = {**arrays("training"), **arrays("validation"), **arrays("test"),
                   **{path.replace("__", "/"): array for path, array in changes.items()}}
        with h5py.File(self.path, "w") as file:
            for path, array in content.items():
                if array is not None:
                    file.create_dataset(path, data=array, compression="gzip")

    def test_images_and_masks_are_those_of_the_file(self):
        self.write()
        builder = prepared.prepare_dataset(self.config)
        for split, group in (("train", "training"), ("validation", "validation"), ("test", "test")):
            stored = builds.read(builder, split)
            self.assertEqual(len(stored), COUNTS[group])
            for example, scene in zip(stored, scenes(group)):
                np.testing.assert_array_equal(example["image"], scene["image"])
                np.testing.assert_array_equal(example["mask"][..., 0], scene["mask"])  # 255 where shapes overlap
                np.testing.assert_array_equal(example["visibility"], scene["visibility"])
                self.assertNotIn("objects", example)

    def test_splits_can_be_cut(self):
        self.write()
        builder = prepared.prepare_dataset(self.config, split_sizes={"train": 3, "validation": 9, "test": 1})
        self.assertEqual({split: info.num_examples for split, info in builder.info.splits.items()},
                         {"train": 3, "validation": 2, "test": 1})

    def test_long_groups_are_read_in_blocks(self):
        self.write()
        block, official_shapes._BLOCK = official_shapes._BLOCK, 2
        self.addCleanup(setattr, official_shapes, "_BLOCK", block)
        splits = official_shapes.OfficialShapes().splits(None, self.directory, {}, 1)
        found = [scene["image"] for scene in splits["train"][1]]
        self.assertEqual(found, [generation.encode_scene(scene)["image"] for scene in scenes("training")])

    def test_missing_file_says_where_it_comes_from_and_goes(self):
        with self.assertRaisesRegex(UserError, f"{self.path} does not exist; put the file that https://github.com/.* "
                                    "there .*--dataset_config=generated"):
            prepared.prepare_dataset(self.config)

    def test_other_layouts_are_named(self):
        features = arrays("test")["test/features"]
        for changes, message in (
                ({"test__groups": None}, "has no array test/groups, expected arrays features and groups of shape"),
                ({"validation__features": None, "validation__groups": None}, "has no array validation/features"),
                ({"test__features": features[0]}, r"test/features is float32 \[3, 28, 28, 1\], expected .*1,N,28,28,1"),
                ({"test__features": features[:, :0]}, r"test/features is float32 \[1, 0, 28, 28, 1\]"),
                ({"test__features": features.astype("S1")}, "test/features is .S1 .*with numbers"),
                ({"test__features": features[:, :2]}, "test has 2 features but 3 groups"),
                ({"test__features": features * 255}, "test/features holds 255.0, expected whole numbers from 0 to 1"),
                ({"test__groups": features * 0.5}, "test/groups holds 0.5, expected whole numbers from 0 to 3"),
                ({"test__groups": features * np.nan}, "test/groups holds nan")):
            self.write(**changes)
            with self.subTest(message=message), self.assertRaisesRegex(UserError, message):
                prepared.prepare_dataset(self.config)

    def test_damaged_files_are_named(self):
        self.write()
        with open(self.path, "rb") as file:
            content = file.read()
        for damaged in (b"", b"no HDF5", content[:len(content) // 2]):
            record_files.write_bytes(self.path, damaged)
            with self.assertRaisesRegex(UserError, "shapes.h5: no readable HDF5 file"):
                prepared.prepare_dataset(self.config)
        with h5py.File(record_files.write_bytes(self.path, content)) as file:
            chunk = file["test/features"].id.get_chunk_info(0)
        record_files.write_bytes(self.path, content[:chunk.byte_offset] + bytes(chunk.size)
                                 + content[chunk.byte_offset + chunk.size:])
        with self.assertRaisesRegex(UserError, "test is damaged from image 0 on"):
            prepared.prepare_dataset(self.config)


if __name__ == "__main__":
    unittest.main()
