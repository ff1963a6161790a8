"""Released record files through the builders: contents, splits in one pass, where files are found, what is damaged."""

import contextlib
import gzip
import http.client
import io
import os
import shutil
import tempfile
import unittest
import unittest.mock
import urllib.error

import numpy as np
import tensorflow_datasets as tfds

from absl import logging

from tests.data import builds
from tests.data import record_files
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data import record_reader
from tfobj.data import records
from tfobj.data.builders import official_file
from tfobj.data.builders import official_records
from tfobj.data.builders import objects_room
from tfobj.data.builders.clevr_masks import ClevrMasks
from tfobj.data.builders.multi_dsprites import MultiDsprites
from tfobj.data.builders.objects_room import ObjectsRoom
from tfobj.data.builders.tetrominoes import Tetrominoes
from tfobj.data.scenes import generation
from tfobj.data.scenes.png import encode_png
from tfobj.errors import UserError


class TetrominoesFileTest(unittest.TestCase):
    """The real records: where the file is found, what is built from it, and what is wrong with others."""

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

    def prepare(self, **kwargs):
        return prepared.prepare_dataset(self.config, **{"split_sizes": self.SIZES, **kwargs})

    def test_the_built_set_equals_direct_parsing(self):
        self.put()
        builder = self.prepare()
        stored = sum((builds.read(builder, split) for split in ("train", "test", "validation")), [])  # the file's order
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

    def test_the_file_is_read_once_and_workers_change_nothing(self):
        self.put()
        with unittest.mock.patch.object(generation, "CHUNK", 3):
            original = record_reader.read_scenes
            with unittest.mock.patch.object(record_reader, "read_scenes", side_effect=original) as read:
                one = builds.contents(self.prepare())
            self.assertEqual(read.call_count, 1)
            two = builds.contents(self.prepare(workers=2, overwrite=True))
        self.assertEqual(one, two)

    def test_splits_cannot_be_read_in_another_order(self):
        self.put()
        reader = official_records.OfficialRecords(records.FAMILIES["tetrominoes"])
        splits = reader.splits(None, self.manual, {"train": 2, "test": 2, "validation": 2}, 1)
        next(splits["train"][1])  # whoever leaves a split early finds the next one where it lies
        scenes = list(splits["validation"][1])
        direct = record_reader.read_records(record_files.REAL_FILE, reader.family, start=4, count=2)
        self.assertEqual([scene["image"] for scene in scenes], [encode_png(record["image"]) for record in direct])
        with self.assertRaisesRegex(RuntimeError, "splits were not read in their order: scene 2 after scene 6"):
            next(splits["test"][1])

    def test_official_and_generated_have_the_same_schema(self):
        for builder_class, prefix in ((Tetrominoes, ""), (MultiDsprites, "binarized_")):
            official, generated = (builder_class(config=f"{prefix}{source}", data_dir=self.directory)
                                   for source in ("official", "generated"))
            self.assertEqual(builds.specs(official), builds.specs(generated))
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
        self.assertEqual(self.prepare().info.splits["test"].num_examples, 3)

    def test_the_manual_directory_of_tfds_is_searched_too(self):
        self.put()
        builder = Tetrominoes(config="official", data_dir=self.directory, split_sizes=self.SIZES)
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=self.manual))
        self.assertEqual(len(builds.read(builder, "train")), 6)

    def test_short_file_says_how_many_records_it_holds(self):
        self.put()
        for sizes, message in ((None, "holds 10 records, 80,000 are needed .* so train falls short"),
                               ({"train": 6, "validation": 3, "test": 2}, "holds 10 records, 11 are needed"),
                               ({"train": 6, "validation": 1, "test": 9}, "so test falls short.*--split_sizes")):
            with self.assertRaisesRegex(UserError, message):
                self.prepare(split_sizes=sizes)
            self.assertFalse(os.path.exists(os.path.join(self.directory, "tetrominoes", "official")))

    def test_damaged_and_foreign_records_are_named_with_any_number_of_workers(self):
        plain, real = record_files.real_bytes(), record_files.real_records()
        path = self.put()
        foreign = record_files.edited(real[4], lambda features: features.pop("color"))
        for workers in (1, 2):
            record_files.write_bytes(path, plain[:100_000])
            with self.assertRaisesRegex(UserError, "record 3 is damaged or cut off, the 3 records before it"):
                self.prepare(workers=workers)
            record_files.write(path, [*real[:4], foreign, *real[5:]])
            with self.assertRaisesRegex(UserError, "record 4 is not of the kind tetrominoes .feature 'color' is miss"):
                self.prepare(workers=workers)

    def test_missing_file_names_url_and_place(self):
        with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
            with self.assertRaisesRegex(UserError, "https://storage.*tetrominoes_train.tfrecords could not be download"
                                        f"ed .*put it at {self.manual}/tetrominoes_train.tfrecords"):
                self.prepare()

    def reachable(self, error):
        """Whether a download is tried when the request for the header ends like this."""
        manager = unittest.mock.Mock(offline=False, given=None)
        manager.download.side_effect = ConnectionError("download")
        with unittest.mock.patch("urllib.request.urlopen", side_effect=error):
            with self.assertRaisesRegex(UserError, "could not be downloaded"), \
                    contextlib.redirect_stderr(io.StringIO()):
                official_file.locate(manager, self.manual, records.FAMILIES["tetrominoes"])
        return manager.download.called

    def test_servers_that_refuse_or_garble_the_request_for_the_header(self):
        for code, reachable in ((403, True), (405, True), (501, True), (404, False), (503, False)):
            self.assertEqual(self.reachable(urllib.error.HTTPError("u", code, "no", {}, None)), reachable, code)
        self.assertFalse(self.reachable(http.client.BadStatusLine("garbage")))
        self.assertFalse(self.reachable(http.client.LineTooLong("header")))


class OpenEndTest(unittest.TestCase):
    """How many records a release holds is known second hand: its last split takes what there is."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def prepare(self, variant, number, sizes, split_sizes=None):
        """Builds from `number` records where `sizes` are expected; returns (sizes, standard error)."""
        dataset = "clevr_masks" if variant == "clevr10" else "objects_room"
        builder_class = ClevrMasks if variant == "clevr10" else ObjectsRoom
        family, errors = records.FAMILIES[f"{dataset}/{variant}"], io.StringIO()
        serialized = [record_files.random_record(family, seed)[0] for seed in range(number)]
        record_files.write(os.path.join(self.directory, family.file_name), serialized)
        data = DataConfig(dataset=dataset, dataset_variant=variant, dataset_config="official",
                          data_dir=self.directory, manual_dir=self.directory)
        config = builder_class.builder_configs[f"{variant}_official"]
        with unittest.mock.patch.object(config, "split_sizes", sizes), contextlib.redirect_stderr(errors):
            builder = prepared.prepare_dataset(data, overwrite=True, split_sizes=split_sizes)
        return {split: info.num_examples for split, info in builder.info.splits.items()}, errors.getvalue()

    def test_more_fewer_and_as_many_as_expected(self):
        expected = {"test": 1, "validation": 2, "train": 3}
        for number, train in ((8, 5), (6, 3), (4, 1)):
            sizes, errors = self.prepare("train", number, expected)
            self.assertEqual(sizes, {**expected, "train": train})
            warning = f"holds {number} records, the release is said to hold 6: train gets {train} examples instead of 3"
            self.assertEqual([line for line in errors.splitlines() if warning in line], errors.splitlines())
            self.assertEqual(len(errors.splitlines()), int(number != 6))

    def test_other_files(self):
        self.assertEqual(self.prepare("six_objects", 3, {"test": 2})[0], {"test": 3})
        sizes, errors = self.prepare("clevr10", 5, {"train": 1, "test": 1, "validation": 1, "rest": 1})
        self.assertEqual(sizes, {"train": 1, "test": 1, "validation": 1, "rest": 2})
        self.assertIn("rest gets 2 examples instead of 1", errors)

    def test_too_few_is_still_an_error(self):
        sizes = {"test": 1, "validation": 2, "train": 3}
        for number, split in ((2, "validation"), (3, "train")):
            with self.assertRaisesRegex(UserError, f"holds {number} records, 6 are needed .* so {split} falls short"):
                self.prepare("train", number, sizes)

    def test_sizes_that_were_asked_for_are_exact(self):
        sizes = {"test": 1, "validation": 2, "train": 3}
        self.assertEqual(self.prepare("train", 8, sizes, sizes), (sizes, ""))
        with self.assertRaisesRegex(UserError, "holds 5 records, 6 are needed"):
            self.prepare("train", 5, sizes, sizes)


class WrittenFileTest(unittest.TestCase):
    """Files written here in the official formats of which no real record is at hand."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def prepare(self, builder_class, name, serialized, **kwargs):
        """Builds a set from a file of serialized records."""
        builder = builder_class(config=name, data_dir=self.directory, manual_dir=self.directory, **kwargs)
        record_files.write(os.path.join(self.directory, builder.record_family.file_name), serialized)
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=1))
        return builder

    def test_clevr(self):
        codes = np.uint8([0, 3, 2, 1, 3, 2, 0, 0, 0, 0, 0])
        visibility = np.float32([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
        serialized, content = record_files.random_record(records.FAMILIES["clevr_masks/clevr10"], shape=codes,
                                                         color=codes * np.uint8(2), visibility=visibility)
        sizes = {"train": 1, "test": 1, "validation": 1, "rest": 1}
        builder = self.prepare(ClevrMasks, "clevr10_official", [serialized] * 4, split_sizes=sizes)
        self.assertEqual({split: info.num_examples for split, info in builder.info.splits.items()}, sizes)
        example, = builds.read(builder, "rest")
        np.testing.assert_array_equal(example["image"], content["image"])
        np.testing.assert_array_equal(example["mask"][..., 0], content["mask"][..., 0].argmax(axis=0))
        self.assertEqual((example["num_objects"], example["visibility"].tolist()), (5, [True] * 6 + [False] * 5))
        objects = example["objects"]
        self.assertEqual(objects["shape"].tolist(), codes[1:].tolist())
        self.assertEqual(objects["color"].tolist(), (2 * codes[1:]).tolist())
        for axis, name in enumerate("xyz"):
            np.testing.assert_array_equal(objects["coords_3d"][:, axis], content[name][1:])
        np.testing.assert_array_equal(objects["pixel_coords"], content["pixel_coords"][1:])
        np.testing.assert_array_equal(objects["rotation"], content["rotation"][1:])
        self.assertEqual(builder.info.features["objects"]["color"].feature.num_classes, 9)

    def test_objects_room(self):
        for variant, number in (("train", 3), ("empty_room", 0), ("six_objects", 6), ("identical_color", 6)):
            family = records.FAMILIES[f"objects_room/{variant}"]
            serialized, content = record_files.random_record(family)
            sizes = {split: 1 for split in ObjectsRoom.builder_configs[f"{variant}_official"].split_sizes}
            builder = self.prepare(ObjectsRoom, f"{variant}_official", [serialized] * len(sizes), split_sizes=sizes)
            example, = builds.read(builder, "test")
            owner = content["mask"][..., 0].argmax(axis=0)
            self.assertEqual(example["num_objects"], number)
            self.assertNotIn("objects", example)
            np.testing.assert_array_equal(example["mask"][..., 0], np.maximum(owner - 3, 0))
            np.testing.assert_array_equal(example["background"][..., 0], np.where(owner < 4, owner, 255))

    def test_objects_room_is_repaired_on_request(self):
        owner = record_files.room_with_one_wall()
        planes = (owner == np.arange(7)[:, None, None])[..., None] * 255
        serialized, _ = record_files.random_record(records.FAMILIES["objects_room/train"], mask=planes)
        found = []
        for config in ("train_official", objects_room.repaired_config("train")):
            with self.assertLogs("absl"):  # TFDS tells of configurations that are not on its list
                logging.warning("at least one line")
                builder = self.prepare(ObjectsRoom, config, [serialized], split_sizes={"test": 1})
            example, = builds.read(builder, "test")
            found.append((example["mask"].max(), example["num_objects"], set(np.unique(example["background"]))))
        self.assertEqual(found, [(1, 1, {0, 1, 2, 3, 255}), (2, 2, {0, 1, 2, 255})])


if __name__ == "__main__":
    unittest.main()
