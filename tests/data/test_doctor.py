"""The data doctor: healthy and damaged files and prepared sets, one line per problem."""

import dataclasses
import gzip
import io
import os
import shutil
import tempfile
import unittest
import unittest.mock
import zlib

import numpy as np
import tensorflow as tf
from PIL import Image

from tests.data import record_files
from tfobj.config import DataConfig
from tfobj.data import doctor
from tfobj.data import prepared
from tfobj.data import records
from tfobj.data.scenes.png import encode_png
from tfobj.errors import UserError


class DoctorTestCase(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(self.directory, "a.tfrecords")

    def assertProblem(self, report, pattern):
        """Exactly one problem, and it reads like `pattern` and says what to do."""
        self.assertEqual(len(report.problems), 1, report.problems)
        self.assertRegex(report.problems[0], pattern)
        self.assertFalse(report.healthy)


class FileTest(DoctorTestCase):

    def examine(self, content=None, **kwargs):
        if content is not None:
            record_files.write_bytes(self.path, content)
        return doctor.examine(DataConfig(data_dir=self.directory, **kwargs), self.path)

    def examine_edited(self, change, **kwargs):
        """Examines a copy of the real file whose first record went through `change`."""
        first, *others = record_files.real_records()
        record_files.write(self.path, [record_files.edited(first, change), *others])
        return self.examine(**kwargs)

    def examine_masks(self, change):
        """Examines a copy of the real file with `change` applied to every mask, uint8 [4,35,35]."""
        record_files.write(self.path, [record_files.with_planes(record, change)
                                       for record in record_files.real_records()])
        return self.examine()

    def test_real_file_is_healthy_and_recognised(self):
        shutil.copy(record_files.REAL_FILE, self.path)
        report = self.examine()
        facts = dict(report.facts)
        self.assertTrue(report.healthy, report.problems)
        self.assertEqual((facts["kind"], facts["readable records"]),
                         ("tetrominoes", "10 of the 1,000,000 records of the release"))
        self.assertEqual(report.lines()[-1], "healthy, but only 10 of the 1,000,000 records of the release")
        self.assertEqual(facts["compression"], "GZIP (by its content; the name does not say so)")
        self.assertEqual(facts["mask planes"], "4 planes, values 0, 255")
        self.assertEqual(facts["objects per image"], "3: 10")

    def test_contact_sheet_shows_the_images(self):
        shutil.copy(record_files.REAL_FILE, self.path)
        path = os.path.join(self.directory, "deep", "sheet.png")
        doctor.examine(DataConfig(data_dir=self.directory), self.path, contact_sheet=path)
        pixels = np.asarray(Image.open(path))
        self.assertGreater(min(pixels.shape[:2]), 300)
        self.assertGreater(len(np.unique(pixels.reshape(-1, 3), axis=0)), 30)
        with self.assertRaisesRegex(UserError, "--contact_sheet=/dev/null/x.png: cannot be written"):
            doctor.examine(DataConfig(data_dir=self.directory), self.path, contact_sheet="/dev/null/x.png")

    def test_missing_and_foreign_files(self):
        self.assertProblem(self.examine(), "does not exist; check the path")
        self.assertProblem(self.examine(b""), "is empty .*fetch or build it again")
        self.assertProblem(self.examine(b"\xff\xd8\xff\xe0 a photograph"), "is no TFRecord .*fetch it again")

    def test_compression(self):
        plain = record_files.real_bytes()
        report = self.examine(plain)
        self.assertTrue(report.healthy)
        self.assertEqual(dict(report.facts)["compression"], "none")
        self.assertProblem(self.examine(zlib.compress(plain)), "compressed with ZLIB, .*decompress it with `python -c")

    def test_cut_files_say_how_far_they_are_readable(self):
        plain = record_files.real_bytes()
        for content, pattern in (
                (plain[:100_000], "record 3 .counted from 0. is cut off; only the 3 before it are readable; fetch"),
                (plain[:40_000], "record 1 .* is cut off; only the one before it is readable; fetch"),
                (plain[:20_000], "record 0 .* is cut off; it is the first, so nothing is readable; fetch"),
                (gzip.compress(plain[:100_000]), "record 3 .* is cut off"),
                (gzip.compress(plain)[:3000], r"record \d .* is cut off"),
                (plain[:3 * 25960 + 5], "cut off behind its 3 readable records"),
                (gzip.compress(plain)[:-6], "cut off behind its 10 readable records")):
            with self.subTest(pattern=pattern):
                self.assertProblem(self.examine(content), pattern)

    def test_two_gzip_members_are_whole(self):
        plain = record_files.real_bytes()
        report = self.examine(gzip.compress(plain[:25960]) + gzip.compress(plain[25960:]))
        self.assertTrue(report.healthy, report.problems)

    def test_damaged_record_is_numbered(self):
        damaged = bytearray(record_files.real_bytes())
        damaged[6 * 25960 + 99] ^= 1
        report = self.examine(bytes(damaged))
        self.assertProblem(report, "record 6 .* is damaged; only the 6 before it are readable")
        self.assertEqual(dict(report.facts)["content examined"], "6 records")

    def test_schema_differences_are_listed(self):
        report = self.examine_edited(lambda features: features.pop("color"))
        self.assertProblem(report, r"feature 'color' is missing, expected 12 float values \(1 of 10 examined, fir")
        report = self.examine_edited(lambda features: features["z"].CopyFrom(record_files.floats([1])))
        self.assertProblem(report, "feature 'z' is unexpected")
        report = self.examine_edited(lambda features: features["x"].CopyFrom(record_files.floats([1, 2])))
        self.assertProblem(report, "feature 'x' holds 2 float values, expected 4 float values")

    def test_the_data_set_can_be_named(self):
        shutil.copy(record_files.REAL_FILE, self.path)
        self.assertTrue(self.examine(dataset="tetrominoes").healthy)
        with self.assertRaisesRegex(UserError, "colored_shapes has no released file"):
            self.examine(dataset="colored_shapes")
        record_files.write(self.path, [record_files.edited(record, lambda features: features.pop("color"))
                                       for record in record_files.real_records()])
        for dataset, kind in (("tetrominoes", "tetrominoes"), ("multi_dsprites", "multi_dsprites/")):
            report = self.examine(dataset=dataset)
            self.assertTrue(dict(report.facts)["kind"].startswith(kind))
            self.assertRegex("\n".join(report.problems), rf"'color' is missing, .*; fetch .* again as {kind}[^,]*$")
        self.assertRegex(self.examine().problems[0], "again as tetrominoes, or say what it is with --dataset=NAME$")

    def test_a_file_of_another_data_set_is_one_problem(self):
        shutil.copy(record_files.REAL_FILE, self.path)
        for flags, asked in (({"dataset": "clevr_masks"}, "clevr_masks"), ({"dataset": "objects_room"}, "objects_room"),
                             ({"dataset": "multi_dsprites", "dataset_variant": "binarized"}, "multi_dsprites")):
            report = self.examine(**flags)
            self.assertProblem(report, f"^this is a file of tetrominoes, not of {asked}; check it with "
                               "--dataset=tetrominoes$")
            self.assertNotIn("pixel values", dict(report.facts))
        family = records.FAMILIES["multi_dsprites/colored_on_colored"]
        record_files.write(self.path, [record_files.random_record(family)[0]])
        self.assertProblem(self.examine(dataset="multi_dsprites", dataset_variant="binarized"),
                           "of multi_dsprites/colored_on_colored, not of multi_dsprites/binarized; check it with "
                           "--dataset=multi_dsprites --dataset_variant=colored_on_colored$")

    def test_pixels_are_not_judged_where_no_image_was_read(self):
        record_files.write(self.path, [record_files.edited(record, lambda features: features.pop("color"))
                                       for record in record_files.real_records()])
        report = self.examine()
        self.assertEqual(dict(report.facts)["content examined"], "10 records")
        self.assertNotIn("pixel values", dict(report.facts))
        self.assertProblem(report, "feature 'color' is missing.*10 of 10 examined")

    def test_unknown_records(self):
        record_files.write(self.path, [record_files.serialize({"text": record_files.floats([1])})])
        self.assertProblem(self.examine(), "fit none of: tetrominoes, .*--dataset=NAME")
        record_files.write(self.path, [b"\xff\xff\xff no example"])
        self.assertProblem(self.examine(), "record 0 is no tf.train.Example")

    def test_mask_conventions(self):
        ids = np.arange(4, dtype=np.uint8)[:, None, None]
        for change, pattern in (
                (lambda planes: planes // 255, "hold 0 and 1, expected 0 and 255 .10 of 10 examined.*multiply them"),
                (lambda planes: planes // 255 * ids, "other values than 0 and 255"),
                (lambda planes: np.moveaxis(planes, 0, 2), r"axis is the third, .* expected the first.*transpose"),
                (lambda planes: planes[[1, 2, 3, 0]], "mask plane 3 is the largest, expected the background"),
                (lambda planes: np.maximum(planes, planes[[0, 0, 2, 3]] * (ids == 1)), "planes overlap"),
                (lambda planes: planes * (ids != 0), "leave pixels uncovered")):
            with self.subTest(pattern=pattern):
                self.assertRegex("\n".join(self.examine_masks(change).problems), pattern)

    def test_images_and_visibility(self):
        def constant(features):
            features["image"].CopyFrom(record_files.one_byte_strings(np.full(3675, 7)))
        self.assertProblem(self.examine_edited(constant), "one colour everywhere .1 of 10 examined, first record 0")
        hide = record_files.floats([1, 0, 1, 1])
        report = self.examine_edited(lambda features: features["visibility"].CopyFrom(hide))
        self.assertProblem(report, "pixels in the mask but visibility false")
        nan = record_files.floats([0, np.nan, 0, 0])
        self.assertProblem(self.examine_edited(lambda features: features["x"].CopyFrom(nan)),
                           "feature 'x' holds other values than finite numbers .1 of 10 examined, first record 0")

    def test_codes_that_are_refused_when_the_set_is_built(self):
        for value in (20, 19.7, 2.4, -0.3, np.nan):
            shape = record_files.floats([0, 2, value, 1])
            self.assertProblem(self.examine_edited(lambda features: features["shape"].CopyFrom(shape)),
                               "feature 'shape' holds other values than whole numbers from 0 to 19 .1 of 10")

    def test_all_records_of_a_release(self):
        for number, fact, verdict in ((10, "10 of the 10 records of the release", "healthy"),
                                      (9, "10, the release is said to hold 9", "healthy")):
            family = dataclasses.replace(records.FAMILIES["tetrominoes"], num_records=number)
            with unittest.mock.patch.dict(records.FAMILIES, tetrominoes=family):
                report = self.examine(record_files.real_bytes())
            self.assertEqual((dict(report.facts)["readable records"], report.lines()[-1]), (fact, verdict))
        report = self.examine(record_files.real_bytes()[:4 * 25960])  # cut between two records
        self.assertEqual(report.lines()[-1], "healthy, but only 4 of the 1,000,000 records of the release")


class PreparedSetTest(DoctorTestCase):

    def setUp(self):
        super().setUp()
        self.config = DataConfig(dataset="tetrominoes", dataset_config="tiny", data_dir=self.directory)
        self.builder = prepared.prepare_dataset(self.config)
        self.shard = os.path.join(self.builder.data_path, "tetrominoes-train.tfrecord-00000-of-00001")

    def examine(self):
        return doctor.examine(self.config)

    def rewrite(self, change, compression=""):
        """Rewrites the training shard with every record gone through `change`, a function of its features."""
        edited = [record_files.edited(record, change) for record in
                  tf.data.TFRecordDataset(self.shard).as_numpy_iterator()]
        record_files.write(self.shard, edited, compression)

    def rewrite_masks(self, change):
        def edit(features):
            mask = np.asarray(Image.open(io.BytesIO(features["mask"].bytes_list.value[0])))
            features["mask"].bytes_list.value[0] = encode_png(change(mask).astype(np.uint8))
        self.rewrite(edit)

    def test_fresh_set_is_healthy(self):
        with unittest.mock.patch("tensorflow_datasets.core.features.feature.log_tf_warning") as warning:
            report = self.examine()
        warning.assert_not_called()  # TFDS' remark on the use of a deprecated property
        self.assertTrue(report.healthy, report.problems)
        self.assertEqual(dict(report.facts)["content examined"], "96 examples")
        self.assertEqual(dict(report.facts)["objects per image"], "3: 96")
        self.assertTrue(os.path.isfile(os.path.join(self.directory, "contact_sheets", "tetrominoes-tiny.png")))

    def test_unprepared_set(self):
        with self.assertRaisesRegex(UserError, "is not prepared"):
            doctor.examine(DataConfig(dataset="colored_shapes", data_dir=self.directory))

    def test_0_255_masks_are_recognised(self):
        self.rewrite_masks(lambda mask: (mask > 0) * 255)
        report = self.examine()
        self.assertRegex(report.problems[0], r"a mask holds 0 and 255 only.*expected 0 for the background, 1, 2, "
                         r"\.\.\. for the objects.*64 of 96 examined, first train/0.*build the set again: python -m ")

    def test_ids_beyond_the_objects_and_missing_background(self):
        self.rewrite_masks(lambda mask: mask + 1)
        text = "\n".join(self.examine().problems)
        self.assertRegex(text, "holds ids above 3")
        self.assertRegex(text, "has no background")

    def test_compressed_shard(self):
        self.rewrite(lambda features: None, "GZIP")
        self.assertProblem(self.examine(), "compressed with GZIP, files of a prepared set are not.*gunzip it")

    def test_missing_empty_cut_and_short_shards(self):
        with open(self.shard, "rb") as file:
            content = file.read()
        whole = list(tf.data.TFRecordDataset(self.shard).as_numpy_iterator())
        record_files.write(self.shard, whole[:60], "")
        self.assertProblem(self.examine(), "60 records, dataset_info.json says 64; build the set again")
        for content, pattern in ((content[:-7], "record 63 .* is cut off.*the 63 before it are readable; build"),
                                 (b"", "is empty"), (b"no record at all", "is no TFRecord")):
            record_files.write_bytes(self.shard, content)
            self.assertProblem(self.examine(), pattern)
        os.remove(self.shard)
        self.assertProblem(self.examine(), "does not exist; build the set again")

    def test_undecodable_picture_and_wrong_bookkeeping(self):
        def break_picture(features):
            features["image"].bytes_list.value[0] = b"no picture"
        self.rewrite(break_picture)
        self.assertProblem(self.examine(), "an example cannot be decoded .*64 of 96")
        prepared.prepare_dataset(self.config, overwrite=True)
        self.rewrite(lambda features: features["num_objects"].int64_list.value.__setitem__(0, 2))
        self.assertProblem(self.examine(), "num_objects differs from the number of visible objects")

    def test_damaged_descriptions(self):
        features, info = (os.path.join(self.builder.data_path, name) for name in ("features.json", "dataset_info.json"))
        with open(features, encoding="utf-8") as file:
            text = file.read()
        record_files.write_bytes(features, text.replace('"35"', '"36"').encode())
        problems = "\n".join(self.examine().problems)
        self.assertRegex(problems, r"feature 'image' is uint8\[36.*expected uint8\[35, 35, 3\]")
        record_files.write_bytes(features, b"{")
        self.assertProblem(self.examine(), "features.json cannot be read .*build the set again")
        record_files.write_bytes(info, b"{")
        with self.assertRaisesRegex(UserError, "dataset_info.json cannot be read.*delete"):
            self.examine()


if __name__ == "__main__":
    unittest.main()
