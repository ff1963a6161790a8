"""Checkpoints: what is kept, what is refused, what damage does."""

import errno
import functools
import os
import pathlib
import random
import tempfile
import types
import unittest
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import config
from tfobj import registry
from tfobj.errors import UserError
from tfobj.training import checkpoints
from tfobj.training import schedules


@functools.cache
def shared_parts(optimizer="adam", **changes):
    """A tiny model and its optimizer, whose values tests change."""
    return new_parts(optimizer, **changes)


def new_parts(optimizer="adam", **changes):
    """A tiny model and its optimizer."""
    model = registry.build_model("slot_attention", helpers.slot_attention_config(**changes), (8, 8, 3))
    optimizer = schedules.make_optimizer(config.TrainConfig(optimizer=optimizer))
    optimizer.build(model.trainable_variables)
    return model, optimizer


def randomize(model, optimizer, seed=1):
    """Gives every variable random values, the step too."""
    generator = np.random.default_rng(seed)
    for variable in (*model.weights, *optimizer.variables):
        variable.assign(generator.integers(1, 100, variable.shape))


def values_of(model, optimizer):
    """Every variable as an array."""
    return [helpers.array(variable) for variable in (*model.weights, *optimizer.variables)]


class CheckpointsTestCase(unittest.TestCase):
    """A run directory."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def open(self, keep=2, chief=True, **changes):
        return checkpoints.Checkpoints(self.root, *shared_parts(**changes), keep, chief)

    def names(self, folder="checkpoints"):
        return {path.name for path in (self.root / folder).iterdir()}


class KeptFilesTest(CheckpointsTestCase):
    def test_a_new_run_starts_at_step_zero(self):
        self.assertEqual(self.open().restore(), 0)
        self.assertIsNone(self.open().latest)
        with self.assertRaisesRegex(UserError, "holds no checkpoint yet"):
            checkpoints.find(self.root, "best")

    def test_only_the_last_ones_are_kept(self):
        saved = self.open(keep=2)
        for step in (1, 2, 10):
            self.assertEqual(saved.save(step), str(self.root / "checkpoints" / f"ckpt-{step}.npz"))
        self.assertEqual(self.names(), {"ckpt-2.npz", "ckpt-10.npz"})
        self.open(keep=1).save(11)
        self.assertEqual(self.names(), {"ckpt-11.npz"})

    def test_after_the_newest_file_is_removed_the_one_before_serves(self):
        saved = self.open()
        for step in (1, 2):
            saved.save(step)
        (self.root / "checkpoints" / "ckpt-2.npz").unlink()
        again = self.open()
        self.assertTrue(again.latest.endswith("ckpt-1.npz"))
        self.assertTrue(checkpoints.find(self.root, "latest").endswith("ckpt-1.npz"))
        self.assertEqual(again.restore(), 1)
        again.save(3)
        self.assertTrue(self.open().latest.endswith("ckpt-3.npz"))

    def test_other_files_do_not_count_and_stay(self):
        saved = self.open(keep=1)
        saved.save(2)
        others = {"ckpt-9.npz.tmp", "ckpt-x.npz", "ckpt-.npz", "ckpt-7.index", "old-8.npz", "notes.txt"}
        for name in others:
            (self.root / "checkpoints" / name).touch()
        self.assertTrue(saved.latest.endswith("ckpt-2.npz"))
        saved.save(3)
        self.assertEqual(self.names(), others | {"ckpt-3.npz"})

    def test_best_is_replaced_by_better_ones_only_also_after_a_restart(self):
        saved = self.open()
        self.assertTrue(saved.save_best(5, 0.5, "ari_fg"))
        self.assertFalse(saved.save_best(6, 0.4, "ari_fg"))
        self.assertFalse(saved.save_best(6, float("nan"), "ari_fg"))
        again = self.open()
        self.assertEqual(again.best_score, 0.5)
        self.assertFalse(again.save_best(7, 0.5, "ari_fg"))
        self.assertTrue(again.save_best(4, 0.6, "ari_fg"))  # as after a return to an earlier checkpoint
        self.assertTrue(checkpoints.find(self.root, "best").endswith("best/ckpt-4.npz"))
        self.assertEqual(self.names("best"), {"ckpt-4.npz", "best.json"})

    def test_without_a_best_one_the_latest_serves(self):
        self.open().save(7)
        self.assertTrue(checkpoints.find(self.root, "best").endswith("checkpoints/ckpt-7.npz"))

    def test_later_workers_read_and_never_write(self):
        worker = self.open(chief=False)
        worker.save(1)
        self.assertTrue(worker.save_best(1, 0.5, "ari_fg"))
        worker.close()
        self.assertEqual(list(self.root.iterdir()), [])
        self.open().save(3)
        self.assertEqual(worker.restore(), 3)

    def test_a_save_that_fails_leaves_the_one_before(self):
        saved = self.open(keep=1)
        saved.save(1)
        for error, raised in ((OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), UserError),
                              (KeyboardInterrupt(), KeyboardInterrupt)):
            with mock.patch.object(checkpoints.os, "fsync", side_effect=error):
                with self.assertRaises(raised) as caught:
                    saved.save(2)
            self.assertEqual(saved.latest, str(self.root / "checkpoints" / "ckpt-1.npz"))
            if raised is UserError:
                self.assertRegex(str(caught.exception), "ckpt-2.npz cannot be written: No space left on device; ")
        self.assertEqual(self.open().restore(), 1)
        saved.close()
        self.assertEqual(self.names(), {"ckpt-1.npz"})


class RestoredValuesTest(CheckpointsTestCase):
    def test_numpy_reads_the_file(self):
        model, optimizer = shared_parts()
        randomize(model, optimizer)
        with np.load(checkpoints.Checkpoints(self.root, model, optimizer, 1).save(12), allow_pickle=False) as file:
            self.assertEqual((int(file["format"]), int(file["step"])), (1, 12))
            self.assertEqual(len(file.files), 2 + len(model.weights) + len(optimizer.variables))
            self.assertEqual(file["optimizer/iteration"].dtype, np.int64)
            for variable in model.weights:
                array = file[f"model/{helpers.weight_name(variable)}"]
                self.assertEqual(array.dtype, np.float32)
                np.testing.assert_array_equal(array, variable.numpy())

    def test_equal_states_give_equal_files(self):
        model, optimizer = shared_parts()
        paths = [checkpoints.Checkpoints(self.root / name, model, optimizer, 1).save(1) for name in ("a", "b")]
        self.assertEqual(*(pathlib.Path(path).read_bytes() for path in paths))

    def test_mirrored_variables(self):
        model, optimizer = shared_parts()
        randomize(model, optimizer)
        checkpoints.Checkpoints(self.root, model, optimizer, 1).save(1)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            mirrored = new_parts()
        saved = checkpoints.Checkpoints(self.root, *mirrored, 1)
        self.assertEqual(saved.restore(), 1)
        for variable, expected in zip((*mirrored[0].weights, *mirrored[1].variables), values_of(model, optimizer)):
            copies = strategy.experimental_local_results(variable.value)
            self.assertEqual(len(copies), 2)
            for copy in copies:
                np.testing.assert_array_equal(copy.numpy(), expected, variable.path)
        randomize(*mirrored, seed=2)
        saved.save(2)
        checkpoints.Checkpoints(self.root, model, optimizer, 1).restore()
        for actual, expected in zip(values_of(model, optimizer), values_of(*mirrored), strict=True):
            np.testing.assert_array_equal(actual, expected)
        with strategy.scope():
            self.assertEqual(saved.restore(), 2)

    def save_variable(self, value, dtype):
        variable = keras.Variable(np.asarray(value), dtype=dtype, name="x")
        return variable, checkpoints.Checkpoints(self.root, *self.only(variable), 1)

    @staticmethod
    def only(variable):
        return types.SimpleNamespace(weights=[variable]), types.SimpleNamespace(variables=[])

    def test_every_dtype_comes_back(self):
        cases = (("float32", 0.1), ("float64", 0.1), ("int32", -7), ("int64", 2 ** 40), ("bfloat16", 0.1),
                 ("bool", True), ("float32", float("nan")))
        for dtype, value in cases:
            variable, saved = self.save_variable([value, 1], dtype)
            before = variable.numpy()
            with np.load(saved.save(1)) as file:
                self.assertEqual(file["model/x"].dtype, "float32" if dtype == "bfloat16" else dtype)
            variable.assign(np.zeros(2))
            saved.restore()
            self.assertEqual(keras.backend.standardize_dtype(variable.dtype), dtype)
            np.testing.assert_array_equal(variable.numpy(), before)

    def test_a_value_that_another_dtype_cannot_hold_is_refused(self):
        for dtype, value, other in (("int64", 2 ** 31 - 1, "int32"), ("float32", 0.5, "bfloat16")):
            self.save_variable(value, dtype)[1].save(1)
            variable, saved = self.save_variable(0, other)
            saved.restore()
            self.assertEqual(float(variable.numpy()), value)
        for dtype, value, other in (("int64", 2 ** 31, "int32"), ("float64", 0.1, "float32"),
                                    ("float32", 0.1, "bfloat16"), ("float32", 0.5, "int32")):
            self.save_variable(value, dtype)[1].save(1)
            variable, saved = self.save_variable(0, other)
            with self.assertRaisesRegex(UserError, f"weight x is {dtype} in the checkpoint and {other} in the model"):
                saved.restore()
            self.assertEqual(float(variable.numpy()), 0)


class RefusedFilesTest(CheckpointsTestCase):
    def setUp(self):
        super().setUp()
        self.model, self.optimizer = shared_parts()
        self.saved = checkpoints.Checkpoints(self.root, self.model, self.optimizer, 2)
        self.path = pathlib.Path(self.saved.save(1))
        randomize(self.model, self.optimizer)
        self.before = values_of(self.model, self.optimizer)

    def assertUntouched(self):
        for actual, expected in zip(values_of(self.model, self.optimizer), self.before, strict=True):
            np.testing.assert_array_equal(actual, expected)

    def rewrite(self, **changes):
        """Writes the checkpoint again with other arrays; None removes one."""
        with np.load(self.path) as file:
            arrays = {**file, **{name.replace("__", "/"): value for name, value in changes.items()}}
        np.savez(self.path, **{name: value for name, value in arrays.items() if value is not None})

    def test_every_other_model_is_refused(self):
        for change in ({"slot_size": 10}, {"use_mlp": False}, {"norm_slots": False}, {"update": "replace"},
                       {"encoder_strides": (2, 1, 1)}, {"aggregation": "sum_layernorm"}):
            model, _ = shared_parts(**change)
            with self.assertRaisesRegex(UserError, "belongs to another model: weight .* has shape"):
                checkpoints.restore_model(model, str(self.path))
            with self.assertRaisesRegex(UserError, "belongs to another model"):
                self.open(**change).restore()

    def test_the_first_difference_is_named(self):
        model, _ = shared_parts(encoder_channels=5)
        with self.assertRaisesRegex(UserError, r"weight encoder/conv0/bias has shape \(6,\) in the checkpoint and "
                                               r"\(5,\) in the model; use"):
            checkpoints.restore_model(model, str(self.path))

    def test_another_optimizer_is_refused_before_the_model_is_touched(self):
        optimizer = shared_parts(optimizer="sgd")[1]
        with self.assertRaisesRegex(UserError, r"another optimizer: .* has shape \(6,\) in the checkpoint and none"):
            checkpoints.Checkpoints(self.root, self.model, optimizer, 2).restore()
        self.assertUntouched()

    def test_missing_entries(self):
        for name, message in (("step", "cannot be read"), ("format", "cannot be read"),
                              ("model__slot_attention__q__kernel", "weight slot_attention/q/kernel has shape none"),
                              ("optimizer__iteration", "another optimizer: iteration has shape none")):
            self.saved.save(1)
            randomize(self.model, self.optimizer)
            self.rewrite(**{name: None})
            with self.assertRaisesRegex(UserError, message):
                self.saved.restore()
            self.assertUntouched()

    def test_a_file_of_another_version_is_refused(self):
        self.rewrite(format=np.int64(2))
        with self.assertRaisesRegex(UserError, r"another version of tfobj \(format 2, expected 1\)"):
            self.saved.restore()
        self.assertUntouched()

    def test_files_that_are_no_checkpoints(self):
        for content in (b"", b"model weights", b"PK\5\6" + bytes(18)):
            self.path.write_bytes(content)
            with self.assertRaisesRegex(UserError, r"ckpt-1.npz cannot be read \(.+\); remove it to fall back"):
                self.saved.restore()
        self.path.unlink()
        with self.assertRaisesRegex(UserError, "No such file or directory"):
            checkpoints.restore_model(self.model, str(self.path))

    def test_a_file_that_is_cut_off_is_refused(self):
        whole = self.path.read_bytes()
        for length in (50, 1000, len(whole) // 2, len(whole) - 23, len(whole) - 1):
            self.path.write_bytes(whole[:length])
            for restore in (self.saved.restore, lambda: checkpoints.restore_model(self.model, str(self.path))):
                with self.assertRaisesRegex(UserError, "cannot be read"):
                    restore()
        self.assertUntouched()

    def test_an_altered_byte_is_found_or_changes_nothing(self):
        whole, generator, refused = self.path.read_bytes(), random.Random(0), 0
        last_entry = whole.rindex(b"PK\1\2")  # of the directory at the end
        places = [*generator.sample(range(len(whole)), 20), *range(last_entry, len(whole), 4)]
        for place in places:
            altered = bytearray(whole)
            altered[place] ^= 1 << generator.randrange(8)
            self.path.write_bytes(altered)
            try:
                self.assertEqual(self.saved.restore(), 1)
            except UserError:
                refused += 1
                self.assertUntouched()
            else:
                self.saved.save(1)
                self.assertEqual(self.path.read_bytes(), whole, place)
                randomize(self.model, self.optimizer)
        self.assertGreater(refused, 30)
