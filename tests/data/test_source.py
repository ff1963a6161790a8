"""Prepared data sets: reading by position, counts without decoding, caches, damaged files."""

import contextlib
import io
import os
import pathlib
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfobj.config import DataConfig
from tfobj.data import array_cache
from tfobj.data import order
from tfobj.data import pipeline
from tfobj.data.source import open_source
from tfobj.data.source import PreparedSource
from tfobj.errors import UserError

COUNT = 23


def example(i):
    """Example i: a picture that holds i in its first pixel, i % 3 + 1 objects."""
    rng = np.random.default_rng(i)
    image = rng.integers(0, 256, (12, 10, 3), np.uint8)
    image[0, 0] = i
    mask = rng.integers(0, i % 3 + 2, (12, 10, 1), np.uint8)
    return {"image": image, "mask": mask, "visibility": np.arange(5) <= i % 3 + 1, "num_objects": i % 3 + 1,
            "id": f"train/{i}"}


class NumberedScenes(tfds.core.GeneratorBasedBuilder):
    """A small data set in the canonical form."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="tiny")]

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, disable_shuffling=True, features=tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(12, 10, 3)), "mask": tfds.features.Image(shape=(12, 10, 1)),
            "visibility": tfds.features.Tensor(shape=(5,), dtype=np.bool_), "num_objects": np.int32,
            "id": tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(COUNT):
            yield i, example(i)


class PreparedSourceTest(unittest.TestCase):
    """One data set in three files, prepared for each test class."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        builder = NumberedScenes(data_dir=self.root)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=3))
        self.directory = pathlib.Path(builder.data_dir)

    def open(self, **knobs):
        """A fresh source of the prepared files."""
        return PreparedSource(NumberedScenes(data_dir=self.root), DataConfig(**knobs))

    def test_description(self):
        source = self.open(image_size="24x20")
        self.assertEqual((source.image_shape, source.max_objects, source.has_masks), ((24, 20, 3), 4, True))
        self.assertEqual(source.num_examples("train"), COUNT)
        with self.assertRaisesRegex(UserError, "no split 'tset'; it has train"):
            source.num_examples("tset")

    def test_records_come_in_index_order_and_decode(self):
        source = self.open()
        for i, record in enumerate(source.records("train")):
            decoded = source.decode(record)
            self.assertEqual(set(decoded), {"image", "mask", "visibility", "num_objects", "id"})
            np.testing.assert_array_equal(decoded["image"], example(i)["image"])
            self.assertEqual(source.num_objects(record), i % 3 + 1)

    def test_reading_by_position_equals_reading_in_order(self):
        source = self.open()
        records = [record.numpy() for record in source.records("train")]
        positions = np.random.default_rng(0).permutation(COUNT)
        self.assertEqual(list(source.read("train", positions)), [records[i] for i in positions])

    def test_batch(self):
        source = self.open()
        batch = source.batch(source.read("train", [20, 0, 7]))
        self.assertEqual({name: value.dtype for name, value in batch.items()},
                         {"image": tf.uint8, "mask": tf.uint8, "num_objects": tf.int32})
        for row, i in enumerate((20, 0, 7)):
            np.testing.assert_array_equal(batch["image"][row], example(i)["image"])
            np.testing.assert_array_equal(batch["mask"][row], example(i)["mask"][..., 0])
        np.testing.assert_array_equal(batch["num_objects"], [3, 1, 2])

    def test_through_the_pipeline(self):
        source = self.open(min_objects=2)
        config = DataConfig(min_objects=2)
        data = pipeline.TrainingInput(source, config, 4, 0)
        kept = [i for i in range(COUNT) if i % 3 + 1 >= 2]
        seen = [batch["image"][:, 0, 0, 0] for batch in data.dataset().take(2).as_numpy_iterator()]
        self.assertEqual(data.num_examples, len(kept))
        np.testing.assert_array_equal(np.concatenate(seen), np.array(kept)[order.epoch_order(0, 0, len(kept))[:8]])
        self.assertEqual(data.dataset().element_spec["image"].shape, (4, 12, 10, 3))

    def test_counting_decodes_no_image_and_is_done_once(self):
        with unittest.mock.patch.object(tf.io, "decode_png", side_effect=AssertionError("decoded")):
            np.testing.assert_array_equal(self.open().object_counts("train"), np.arange(COUNT) % 3 + 1)
        with unittest.mock.patch.object(PreparedSource, "_computed", side_effect=AssertionError("counted again")):
            np.testing.assert_array_equal(self.open().object_counts("train"), np.arange(COUNT) % 3 + 1)

    def test_damaged_or_unwritable_cache_is_no_error(self):
        self.open().object_counts("train")
        cache = self.directory / array_cache.CACHE
        for file in cache.iterdir():
            file.write_bytes(b"")
        np.testing.assert_array_equal(self.open().object_counts("train"), np.arange(COUNT) % 3 + 1)
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()
        cache.write_text("a file where the directory should be")
        np.testing.assert_array_equal(self.open().object_counts("train"), np.arange(COUNT) % 3 + 1)

    def test_fingerprint_names_the_set(self):
        fingerprint = self.open().fingerprint()
        self.assertEqual((fingerprint["dataset"], fingerprint["config"]), ("numbered_scenes", "tiny"))

    def test_file_cut_off(self):
        file = sorted(self.directory.glob("*tfrecord*"))[1]
        os.truncate(file, file.stat().st_size - 5)
        with self.assertRaisesRegex(UserError, f"{file.name}: . complete records, then a broken one, expected"):
            self.open().read("train", [0])

    def test_file_missing(self):
        sorted(self.directory.glob("*tfrecord*"))[2].unlink()
        with self.assertRaisesRegex(UserError, "tfrecord-00002-of-00003: No such file.*prepare the data set again"):
            self.open().read("train", [0])

    def test_damaged_record_while_counting(self):
        file = sorted(self.directory.glob("*tfrecord*"))[0]
        content = bytearray(file.read_bytes())
        content[200] ^= 255
        file.write_bytes(content)
        with self.assertRaisesRegex(UserError, "a record is damaged"):
            self.open().object_counts("train")


class OpenSourceTest(unittest.TestCase):
    """From a configuration to a source."""

    def test_unprepared_set_names_the_command(self):
        with tempfile.TemporaryDirectory() as directory, self.assertRaisesRegex(UserError, "tfobj.prepare --dataset"):
            open_source(DataConfig(dataset="tetrominoes", data_dir=directory))

    def test_unknown_set(self):
        with self.assertRaisesRegex(UserError, "--dataset='clever' is unknown"):
            open_source(DataConfig(dataset="clever"))


if __name__ == "__main__":
    unittest.main()
