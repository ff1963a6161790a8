"""The data doctor on releases that are not one record file, and on sets without masks or with frames."""

import contextlib
import io
import os
import re
import tempfile
import unittest
import unittest.mock

import h5py
import numpy as np

from tests.data import record_files
from tests.data import small_releases
from tests.data import test_builders_clevrtex
from tests.data import test_builders_shapestacks
from tfobj import visualisation
from tfobj.config import DataConfig
from tfobj.data import doctor
from tfobj.data import doctor_file
from tfobj.data import doctor_release
from tfobj.data import prepared
from tfobj.data import records
from tfobj.data.scenes.png import encode_png
from tfobj.errors import UserError

STEP = os.path.join(os.path.dirname(__file__), "files", "sketchy_step.tfrecords")


class DoctorReleaseTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def examine(self, file="", **kwargs):
        return doctor.examine(DataConfig(data_dir=self.directory, **kwargs), file)

    def test_a_release_is_recognised_by_its_folders(self):
        root = os.path.join(self.directory, "release")
        small_releases.write_tree(root, test_builders_shapestacks.release())
        report = self.examine(root)
        self.assertTrue(report.healthy, report.problems)
        facts = dict(report.facts)
        self.assertTrue(report.subject.endswith("release of shapestacks"))
        self.assertGreater(int(facts["content examined"].split()[0]), 2)
        self.assertTrue(os.path.isfile(facts["contact sheet"]))
        self.assertFalse(os.path.exists(os.path.join(self.directory, "shapestacks")))

    def test_what_is_missing_in_a_release_is_named(self):
        root = os.path.join(self.directory, "release")
        files = test_builders_shapestacks.release()
        lost = next(name for name in files if name.endswith(".map"))
        small_releases.write_tree(root, {name: content for name, content in files.items() if name != lost})
        report = self.examine(root)
        self.assertEqual(len(report.problems), 1)
        self.assertRegex(report.problems[0], r"\.map is missing.*unpack shapestacks-iseg")

    def test_a_variant_can_be_named(self):
        root = os.path.join(self.directory, "release")
        small_releases.write_tree(root, test_builders_clevrtex.release("camo", 10))
        report = self.examine(root, dataset="clevrtex", dataset_variant="camo")
        self.assertTrue(report.healthy, report.problems)
        self.assertEqual({split: dict(report.facts)[split] for split in ("train", "validation", "test")},
                         {"train": "8 examples", "validation": "1 examples", "test": "1 examples"})

    def test_the_variant_is_that_of_the_folder(self):
        root = os.path.join(self.directory, "release")
        small_releases.write_tree(root, test_builders_clevrtex.release("camo", 10))
        self.assertEqual(os.listdir(root), ["clevrtex_camo"])
        for path in (root, os.path.join(root, "clevrtex_camo")):
            for dataset in ("", "clevrtex"):
                report = self.examine(path, dataset=dataset)
                self.assertTrue(report.healthy, report.problems)
                self.assertEqual(dict(report.facts)["content examined"], "10 examples")
        os.makedirs(os.path.join(root, "clevrtex_full"))
        with self.assertRaisesRegex(UserError, "several variants of clevrtex .camo, full.; choose .*--dataset_v"):
            self.examine(root)

    def test_archives_are_recognised_by_name_and_read_under_any(self):
        files = test_builders_clevrtex.release("camo", 10)
        for name, flags in (("clevrtex_camo.tar.gz", {}), ("clevrtex_camo (1).tar.gz", {}),
                            ("copy.tar.gz", {"dataset": "clevrtex", "dataset_variant": "camo"})):
            with contextlib.redirect_stderr(io.StringIO()):
                report = self.examine(small_releases.write_tar(os.path.join(self.directory, name), files), **flags)
            self.assertTrue(report.healthy, report.problems)
            self.assertEqual(dict(report.facts)["content examined"], "10 examples")
        for name, dataset, problem in (
                ("training.zip", "apc", "no readable zip archive"), ("training (1).zip", "apc", "no readable zip"),
                ("CLEVR_v1.0.zip", "clevr_properties", "is checked while it is prepared"),
                ("clevrtex_full_part2.tar.gz", "clevrtex", "clevrtex/full_.*several archives; give the directory"),
                ("shapestacks-rgb.tar.gz", "shapestacks", "several archives; give the directory"),
                ("stack_green_on_red__demos-00001-of-00002.tar.bz2", "sketchy", "several archives; give the dir")):
            path = record_files.write_bytes(os.path.join(self.directory, name), b"no archive")
            self.assertEqual(doctor_release.identified(DataConfig(), path).dataset, dataset)
            found, = self.examine(path).problems
            self.assertRegex(found, f"^{re.escape(path)}: .*{problem}")
        path = record_files.write_bytes(os.path.join(self.directory, "other.zip"), b"PK")
        self.assertRegex(self.examine(path).problems[0], "is no TFRecord .*if it is an archive .* --dataset=NAME")

    def test_errors_name_the_path_that_was_given(self):
        path = os.path.join(self.directory, "renamed.bin")
        with h5py.File(path, "w") as file:
            file["training/features"] = np.zeros(3)
        problem, = self.examine(path).problems
        self.assertRegex(problem, f"^{re.escape(path)}: training/features is float64")
        path = record_files.write_bytes(os.path.join(self.directory, "renamed.zip"), b"no archive")
        self.assertRegex(self.examine(path, dataset="apc").problems[0], f"^{re.escape(path)}: no readable zip archive")

    def test_hdf5_file(self):
        path = os.path.join(self.directory, "any name.hdf5")
        with h5py.File(path, "w") as file:
            for group in ("training", "validation", "test"):
                pixels = np.zeros((1, 3, 28, 28, 1), np.float32)
                pixels[:, :, 3:9, 4:9] = 1.0
                file[f"{group}/features"], file[f"{group}/groups"] = pixels, 2.0 * pixels
        report = self.examine(path)
        self.assertTrue(report.healthy, report.problems)
        self.assertEqual(dict(report.facts)["content examined"], "9 examples")
        with h5py.File(path, "a") as file:
            del file["test/groups"]
        self.assertRegex(self.examine(path).problems[0], "has no array test/groups")

    def test_an_episode_of_sketchy(self):
        for dataset in ("", "sketchy"):
            report = self.examine(STEP, dataset=dataset)
            self.assertTrue(report.healthy, report.problems)
            self.assertEqual(dict(report.facts)["episode"],
                             "14 examples, 14 of each record: 7 crops from each of 2 cameras")
        report = self.examine(STEP, dataset="tetrominoes")
        self.assertEqual(report.problems, ["this is an episode of Sketchy; check it with --dataset=sketchy"])
        with open(STEP, "rb") as file:
            path = record_files.write_bytes(os.path.join(self.directory, "cut.tfrecords"), file.read()[:-9])
        self.assertRegex(self.examine(path, dataset="sketchy").problems[0], "cut off or damaged in step 0")

    def test_a_directory_of_which_is_not_known_what_it_is(self):
        with self.assertRaisesRegex(UserError, f"^--file={self.directory}: this directory is not recognised as a rel"
                                    "ease; say of which with --dataset=NAME, or give"):
            self.examine(self.directory)
        record_files.write_bytes(os.path.join(self.directory, "dataset_info.json"), b"{}")
        with self.assertRaisesRegex(UserError, "this is a prepared set; check it with --check --dataset=NAME"):
            self.examine(self.directory)

    def test_nothing_is_fetched(self):
        report = self.examine(os.path.join(self.directory, "nowhere"), dataset="apc")
        self.assertRegex(report.problems[0], "nowhere: does not exist; check the path")
        os.makedirs(os.path.join(self.directory, "empty"))
        report = self.examine(os.path.join(self.directory, "empty"), dataset="shapestacks")
        self.assertRegex(report.problems[0], "shapestacks-.*does not exist; fetch it from http")


class RecordFileTest(unittest.TestCase):

    def test_every_file_of_the_family_is_recognised(self):
        with tempfile.TemporaryDirectory() as directory:
            for key, family in records.FAMILIES.items():
                with self.subTest(key=key):
                    found = [record_files.random_record(family, seed)[0] for seed in range(2)]
                    path = record_files.write(os.path.join(directory, f"{family.folder}_{family.file_name}"), found)
                    report, content = doctor_file.check_file(path)
                    self.assertEqual(dict(report.facts)["kind"], key)
                    self.assertEqual(content.examined, 2)
                    random = "visibility false"
                    self.assertEqual([line for line in report.problems if random not in line], [])


class SharedPixelsTest(unittest.TestCase):

    def test_they_are_explained(self):
        on = np.zeros((1, 1, 28, 28, 1), np.uint8)
        on[..., 4:9, 4:9, :] = 1  # one shape, of which a part is shared with others that have nothing else
        owner = on.copy()
        owner[..., 4:6, 4:9, :] = 0
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "shapes.h5")
            with h5py.File(path, "w") as file:
                for group in ("training", "validation", "test"):
                    file[f"{group}/features"], file[f"{group}/groups"] = on, owner
            report = doctor.examine(DataConfig(data_dir=directory), path)
        facts = dict(report.facts)
        self.assertEqual(facts["objects per image"], "1: 3")
        self.assertRegex(facts["ignored pixels"], "^30 in 3 images are 255, dark on the contact sheet: they belong to "
                         "several objects.*; scores leave them out, and an object without other pixels is not counted")


class PreparedTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.config = DataConfig(dataset="objects_room", dataset_variant="sequences", dataset_config="tiny",
                                 data_dir=directory.name)
        sizes = {"train": 2, "validation": 1, "test": 1}
        self.builder = prepared.prepare_dataset(self.config, split_sizes=sizes)

    def rewrite(self, change):
        path = self.builder.info.splits["train"].filepaths[0]
        records = [record_files.edited(record, change) for record in record_files.read(path)]
        record_files.write(path, records, "")

    def test_sequences(self):
        with unittest.mock.patch.object(visualisation, "contact_sheet", wraps=visualisation.contact_sheet) as sheet:
            report = doctor.examine(self.config)
        self.assertTrue(report.healthy, report.problems)
        self.assertEqual(dict(report.facts)["content examined"], "4 examples")
        self.assertEqual(sheet.call_args.kwargs["titles"], ("frame 1 of 16", "mask", "overlay"))

    def test_background_that_contradicts_the_mask(self):
        def change(features):
            empty = encode_png(np.zeros((64, 64), np.uint8))
            for frame in range(16):
                features["background"].bytes_list.value[frame] = empty
        self.rewrite(change)
        self.assertRegex(doctor.examine(self.config).problems[0], "map of background parts.*2 of 4 examined")

    def test_lost_frame(self):
        self.rewrite(lambda features: features["image"].bytes_list.value.pop())
        self.assertRegex(doctor.examine(self.config).problems[0], "cannot be decoded.*2 of 4 examined")


if __name__ == "__main__":
    unittest.main()
