"""Preparing data sets: names, a second call, killed builds, fingerprints and refusals."""

import concurrent.futures
import errno
import os
import tempfile
import time
import unittest
import unittest.mock

import tensorflow as tf

from tfobj import registry
from tfobj.config import DataConfig
from tfobj.data import locations
from tfobj.data import prepared
from tfobj.errors import UserError


class PreparedTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def config(self, **kwargs):
        defaults = {"dataset": "colored_shapes", "dataset_config": "tiny", "data_dir": self.directory}
        return DataConfig(**{**defaults, **kwargs})

    def test_configuration_names(self):
        for kwargs, name in (({}, "tiny"), ({"dataset": "multi_dsprites"}, "colored_on_grayscale_tiny"),
                             ({"dataset": "multi_dsprites", "dataset_variant": "binarized"}, "binarized_tiny"),
                             ({"dataset": "shapestacks"}, "tiny"),
                             ({"dataset": "shapestacks", "dataset_variant": "unstable"}, "unstable_tiny")):
            self.assertEqual(locations.config_name(self.config(**kwargs)), name)

    def test_what_cannot_be_prepared_is_named(self):
        for kwargs, message in (({"dataset": "tetris"}, "'tetris' is unknown; choose one of"),
                                ({"dataset": "folder"}, "folder cannot be prepared"),
                                ({"dataset_variant": "x"}, "'x' is no variant of colored_shapes; it has none"),
                                ({"dataset": "multi_dsprites", "dataset_variant": "x"}, "choose one of: colored_on_gr"),
                                ({"dataset_config": "official"}, "does not exist for colored_shapes; .*: generated,"),
                                ({"data_dir": "/dev/null"}, "cannot be written")):
            with self.subTest(**kwargs), self.assertRaisesRegex(UserError, message):
                prepared.prepare_dataset(self.config(**kwargs))

    def test_variants_that_were_not_released_are_named_with_what_to_do(self):
        for dataset, variant, advice in (
                ("clevr_masks", "clevr6", "the release is clevr10: .*--dataset_variant=clevr10.*--max_objects=6"),
                ("clevr_masks", "no_green_spheres", "the release is clevr10"),
                ("objects_room", "sequences", "of the variants train, empty_room, six_objects, identical_color$"),
                ("multi_dsprites", "colored_on_colored_levels", "of the variants colored_on_grayscale, binarized, col"),
                ("shapestacks", "unstable", "both kinds of towers: leave --dataset_variant out")):
            config = self.config(dataset=dataset, dataset_variant=variant, dataset_config="official")
            with self.subTest(variant), self.assertRaisesRegex(
                    UserError, f"'official' does not exist for {dataset} --dataset_variant={variant}; choose one of: "
                    f"generated, tiny; .*{advice}"):
                prepared.create_builder(config)
        with self.assertRaisesRegex(UserError, "'generated' does not exist for sketchy; choose one of: official$"):
            prepared.create_builder(self.config(dataset="sketchy", dataset_config="generated"))

    def test_unprepared_set_names_the_command(self):
        with self.assertRaisesRegex(UserError, "not prepared in .*python -m tfobj.prepare --dataset=colored_shapes "
                                    "--dataset_config=tiny --data_dir="):
            prepared.open_prepared(self.config())

    def test_registry_agrees_with_the_builders(self):
        for name, builders in prepared.catalogue(self.config()).items():
            entry = registry.DATASETS[name]
            for builder in builders:
                limit = entry.max_objects[builder.builder_config.variant] if entry.variants else entry.max_objects
                self.assertEqual(builder.layout.max_objects or 0, limit)
                self.assertIn(builder.builder_config.variant, entry.variants or ("",))

    def test_a_second_call_leaves_the_set_alone_and_overwrite_replaces_it(self):
        path = prepared.prepare_dataset(self.config()).data_path
        before = os.stat(path).st_ino
        self.assertEqual(os.stat(prepared.prepare_dataset(self.config()).data_path).st_ino, before)
        smaller = prepared.prepare_dataset(self.config(), overwrite=True,
                                           split_sizes={"train": 3, "validation": 2, "test": 1})
        self.assertEqual(smaller.info.splits["train"].num_examples, 3)
        self.assertEqual(os.listdir(os.path.dirname(path)), ["1.0.0"])

    def test_remains_of_a_killed_build_are_removed_and_never_look_complete(self):
        remains = os.path.join(self.directory, ".incomplete", "colored_shapes-tiny", "colored_shapes")
        os.makedirs(remains)
        with self.assertRaises(UserError):
            prepared.open_prepared(self.config())
        prepared.prepare_dataset(self.config())
        self.assertFalse(os.path.exists(os.path.join(self.directory, ".incomplete")))

    def test_a_place_is_held_by_one_at_a_time_and_left_empty(self):
        staging, inside, most = os.path.join(self.directory, ".incomplete", "a"), [], []

        def hold(_):
            with prepared._exclusive(staging):
                inside.append(1)
                os.makedirs(staging)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:  # each opens the lock's file for itself
            list(pool.map(hold, range(80)))
        self.assertEqual(most, [1] * 80)
        self.assertEqual(os.listdir(self.directory), [])

    def test_an_error_while_building_leaves_the_old_set(self):
        prepared.prepare_dataset(self.config())
        with unittest.mock.patch("tfobj.data.scenes.colored_shapes.ColoredShapesScenes.draw", side_effect=MemoryError):
            with self.assertRaises(MemoryError):
                prepared.prepare_dataset(self.config(), overwrite=True)
        self.assertEqual(prepared.open_prepared(self.config()).info.splits["train"].num_examples, 64)

    def failing(self, error):
        """Builds a set whose scenes end in an error, as a context for what is asserted."""
        target = "tfobj.data.builders.colored_shapes.ColoredShapes._generate_examples"
        with unittest.mock.patch(target, side_effect=error):
            prepared.prepare_dataset(self.config())

    def test_a_full_or_locked_disk_is_one_line(self):
        exhausted = tf.errors.ResourceExhaustedError(None, None, "/data/x; No space left on device")
        wrapped = RuntimeError("ResourceExhaustedError: Failed to finalize writing of split 'train'")
        wrapped.__cause__ = exhausted
        in_passing = RuntimeError("cannot be finalized")
        in_passing.__context__ = OSError(errno.EDQUOT, "Disk quota exceeded", "/data/y")
        denied = tf.errors.PermissionDeniedError(None, None, "/data/z; Permission denied")
        for error, reason in ((exhausted, "the data set cannot be written ./data/x; No space left on device."),
                              (wrapped, "the data set cannot be written ./data/x; No space left on device."),
                              (in_passing, "/data/y cannot be written .Disk quota exceeded."),
                              (denied, "the data set cannot be written ./data/z; Permission denied."),
                              (OSError(errno.ENOSPC, "No space left on device"), "the data set cannot be written .No")):
            with self.subTest(error=error), self.assertRaisesRegex(
                    UserError, f"^--data_dir={self.directory}: {reason}.*; free space or choose another directory$"):
                self.failing(error)
            self.assertFalse(os.path.exists(os.path.join(self.directory, ".incomplete")))

    def test_other_errors_keep_their_name(self):
        mistake = TypeError("a mistake")
        mistake.__context__ = FileNotFoundError(errno.ENOENT, "No such file")
        for error, message in ((mistake, "a mistake"), (UserError("one line"), "one line"),
                               (tf.errors.InvalidArgumentError(None, None, "shape"), "shape")):
            with self.assertRaisesRegex(type(error), message):
                self.failing(error)
        refusal = UserError("cannot be fetched")
        refusal.__cause__ = OSError(errno.EACCES, "Permission denied")
        with self.assertRaisesRegex(UserError, "^cannot be fetched$"):
            self.failing(refusal)

    def test_fingerprint_changes_with_the_data_and_not_with_the_place(self):
        first = prepared.fingerprint(prepared.prepare_dataset(self.config()))
        self.assertEqual(first["splits"], {"train": 64, "validation": 16, "test": 16})
        self.assertEqual((first["dataset"], first["config"], first["version"]), ("colored_shapes", "tiny", "1.0.0"))
        with tempfile.TemporaryDirectory() as other:
            same = prepared.fingerprint(prepared.prepare_dataset(self.config(data_dir=other)))
        self.assertEqual(first, same)
        with unittest.mock.patch("tfobj.data.scenes.png._FAST", 9):
            smaller = prepared.prepare_dataset(self.config(), overwrite=True)
        self.assertEqual(first, prepared.fingerprint(smaller))  # of the pixels, not of the bytes that pack them
        sizes = {"train": 63, "validation": 16, "test": 16}
        changed = prepared.fingerprint(prepared.prepare_dataset(self.config(), overwrite=True, split_sizes=sizes))
        self.assertNotEqual(first["sha256"], changed["sha256"])


if __name__ == "__main__":
    unittest.main()
