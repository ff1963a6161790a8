"""Builders: schema, splits, bit-equal rebuilds, released files and where they are found."""

import contextlib
import gzip
import io
import os
import shutil
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow_datasets as tfds

from tests.data import record_files
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data import record_reader
from tfobj.data import records
from tfobj.data.builders import official_file
from tfobj.data.builders.multi_dsprites import MultiDsprites
from tfobj.data.builders.tetrominoes import Tetrominoes
from tfobj.data.scenes import generation
from tfobj.errors import UserError

SETS = (("colored_shapes", "", (32, 32, 3), 3), ("tetrominoes", "", (35, 35, 3), 3),
        ("multi_dsprites", "colored_on_grayscale", (64, 64, 3), 5), ("multi_dsprites", "binarized", (64, 64, 1), 3),
        ("multi_dsprites", "colored_on_colored", (64, 64, 3), 4))


def read(builder, split):
    """All examples of a split in stored order, NumPy."""
    return list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)))


def specs(builder):
    """Names, shapes and types of the features, comparable."""
    return str(builder.info.features.get_tensor_spec())


class GeneratedTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.builders = {}
        for name, variant, _, _ in SETS:
            config = DataConfig(dataset=name, dataset_variant=variant, dataset_config="tiny", data_dir=directory.name)
            cls.builders[name, variant] = prepared.prepare_dataset(config)

    def test_schema_is_the_canonical_one(self):
        for name, variant, (height, width, channels), number in SETS:
            with self.subTest(name=name, variant=variant):
                spec = self.builders[name, variant].as_dataset(split="train").element_spec
                shapes = {key: (tuple(spec[key].shape), spec[key].dtype.name) for key in
                          ("image", "mask", "visibility", "num_objects", "id")}
                self.assertEqual(shapes, {
                    "image": ((height, width, channels), "uint8"), "mask": ((height, width, 1), "uint8"),
                    "visibility": ((number + 1,), "bool"), "num_objects": ((), "int32"), "id": ((), "string")})
                for factor in spec["objects"].values():
                    self.assertEqual(factor.shape[0], number)
                self.assertEqual(tuple(spec["objects"]["color"].shape), (number, channels))

    def test_splits_hold_64_16_16_examples_in_index_order(self):
        for builder in self.builders.values():
            for split, size in (("train", 64), ("validation", 16), ("test", 16)):
                ids = [example["id"].decode() for example in read(builder, split)]
                self.assertEqual(ids, [f"{split}/{index}" for index in range(size)])

    def test_an_example_drawn_alone_equals_the_stored_one(self):
        for builder in self.builders.values():
            stored = read(builder, "test")[11]
            alone = builder.scenes.draw(generation.example_rng(builder.builder_config.seed, "test", 11))
            np.testing.assert_array_equal(stored["image"], alone["image"])
            np.testing.assert_array_equal(stored["mask"][..., 0], alone["mask"])
            np.testing.assert_array_equal(stored["visibility"], alone["visibility"])
            self.assertEqual(stored["num_objects"], alone["visibility"].sum() - 1)
            for name, values in alone["objects"].items():
                np.testing.assert_array_equal(stored["objects"][name], values)

    def test_tiny_is_the_beginning_of_generated(self):
        with tempfile.TemporaryDirectory() as directory:
            sizes = {"train": 5, "validation": 2, "test": 2}
            config = DataConfig(dataset="tetrominoes", data_dir=directory)
            generated = prepared.prepare_dataset(config, split_sizes=sizes)
            tiny = self.builders["tetrominoes", ""]
            for one, two in zip(read(generated, "train"), read(tiny, "train")):
                np.testing.assert_array_equal(one["image"], two["image"])

    def test_rebuilding_with_two_workers_gives_the_same_bytes(self):
        sizes = {"train": 300, "validation": 16, "test": 16}
        contents = []
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as directory:
                config = DataConfig(dataset="colored_shapes", data_dir=directory)
                path = prepared.prepare_dataset(config, workers=workers, split_sizes=sizes).data_path
                files = {name: open(os.path.join(path, name), "rb") for name in sorted(os.listdir(path))}
                contents.append({name: file.read() for name, file in files.items()})
                for file in files.values():
                    file.close()
        self.assertEqual(sum(".tfrecord" in name for name in contents[0]), 24)
        self.assertEqual(contents[0], contents[1])

    def test_configurations(self):
        self.assertEqual(set(Tetrominoes.builder_configs), {"generated", "tiny", "official"})
        self.assertEqual(len(MultiDsprites.builder_configs), 9)
        full = Tetrominoes.builder_configs["generated"]
        self.assertEqual(full.split_sizes, {"train": 60_000, "validation": 10_000, "test": 10_000})
        self.assertEqual(full.num_shards, 8)


class OfficialTest(unittest.TestCase):

    SIZES = {"train": 6, "validation": 1, "test": 3}

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.manual = os.path.join(self.directory, "originals")
        os.makedirs(os.path.join(self.manual, "tetrominoes"))
        self.config = DataConfig(dataset="tetrominoes", dataset_config="official", data_dir=self.directory,
                                 manual_dir=self.manual)

    def put(self, name="tetrominoes_train.tfrecords"):
        path = os.path.join(self.manual, name)
        shutil.copy(record_files.REAL_FILE, path)
        return path

    def test_real_file_through_the_builder_equals_direct_parsing(self):
        self.put()
        builder = prepared.prepare_dataset(self.config, split_sizes=self.SIZES)
        stored = read(builder, "train") + read(builder, "test") + read(builder, "validation")  # order of the file
        direct = list(record_reader.read_records(record_files.REAL_FILE, records.FAMILIES["tetrominoes"]))
        self.assertEqual(len(stored), 10)
        for example, record in zip(stored, direct):
            np.testing.assert_array_equal(example["image"], record["image"])
            np.testing.assert_array_equal(example["mask"][..., 0], record["mask"].argmax(axis=0))
            np.testing.assert_array_equal(example["objects"]["row"], record["x"][1:])
            np.testing.assert_array_equal(example["objects"]["column"], record["y"][1:])
            np.testing.assert_array_equal(example["objects"]["shape"], record["shape"][1:])
            np.testing.assert_array_equal(example["objects"]["color"], record["color"][1:])
            self.assertEqual(example["num_objects"], 3)

    def test_official_and_generated_have_the_same_schema(self):
        for builder_class, prefix in ((Tetrominoes, ""), (MultiDsprites, "binarized_")):
            official, generated = (builder_class(config=f"{prefix}{source}", data_dir=self.directory)
                                   for source in ("official", "generated"))
            self.assertEqual(specs(official), specs(generated))
            self.assertEqual(official.record_family.image_shape, official.scenes.image_shape)
            self.assertEqual(official.record_family.max_objects, official.scenes.max_objects)

    def test_both_names_and_folders_and_an_uncompressed_copy_are_found(self):
        family = records.FAMILIES["tetrominoes"]
        for name in ("tetrominoes_tetrominoes_train.tfrecords", "tetrominoes/tetrominoes_train.tfrecords"):
            path = self.put(name)
            self.assertEqual(official_file.locate(None, self.manual, family), path)
            os.remove(path)
        with gzip.open(record_files.REAL_FILE) as file:
            record_files.write_bytes(os.path.join(self.manual, family.file_name), file.read())
        builder = prepared.prepare_dataset(self.config, split_sizes=self.SIZES)
        self.assertEqual(builder.info.splits["test"].num_examples, 3)

    def test_the_manual_directory_of_tfds_is_searched_too(self):
        self.put()
        builder = Tetrominoes(config="official", data_dir=self.directory, split_sizes=self.SIZES)
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=self.manual))
        self.assertEqual(len(read(builder, "train")), 6)

    def test_short_file_says_how_many_records_it_holds(self):
        self.put()
        for sizes, message in ((None, "holds 10 records, 80,000 are needed .* so train falls short"),
                               ({"train": 6, "validation": 3, "test": 2}, "holds 10 records, 11 are needed"),
                               ({"train": 6, "validation": 1, "test": 9}, "so test falls short.*--split_sizes")):
            with self.assertRaisesRegex(UserError, message):
                prepared.prepare_dataset(self.config, split_sizes=sizes)
            self.assertFalse(os.path.exists(os.path.join(self.directory, "tetrominoes", "official")))

    def test_missing_file_names_url_and_place(self):
        with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
            with self.assertRaisesRegex(UserError, "https://storage.*tetrominoes_train.tfrecords could not be download"
                                        f"ed .*put it at {self.manual}/tetrominoes_train.tfrecords"):
                prepared.prepare_dataset(self.config)


if __name__ == "__main__":
    unittest.main()
