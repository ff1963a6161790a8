"""Checkpoints: which files are kept, and that every value comes back."""

import errno
import os
import pathlib
import time
import types
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.training.checkpoint_case import CheckpointsTestCase, new_parts, randomize, shared_parts, values_of
from tfobj.errors import UserError
from tfobj.training import checkpoints


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
        first = pathlib.Path(checkpoints.Checkpoints(self.root / "a", model, optimizer, 1).save(1))
        with mock.patch("time.localtime", return_value=time.gmtime(1e9)):
            second = pathlib.Path(checkpoints.Checkpoints(self.root / "b", model, optimizer, 1).save(1))
        self.assertEqual(first.read_bytes(), second.read_bytes())

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
