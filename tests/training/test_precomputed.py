"""What a phase computes once of every image: the same run, exact resume, room on the disk."""

import contextlib
import importlib.util
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import keras
import numpy as np

from tests.training import phased_model
from tests.training import runs
from tests.training import stops
from tests.training.phased_model import experiment
from tfobj.errors import UserError
from tfobj.models.precomputation import Precomputation
from tfobj.training import launch
from tfobj.training import precomputed
from tfobj.training import tensorflow_engine

STORED = "first:4:batch_size=16:learning_rate=1e-2,second:5:precompute=background"
COMPUTED = STORED.removesuffix(":precompute=background")
SAID = "computing the mean colours of 64 images, 768 B, into"


class PrecomputedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.root = pathlib.Path(temporary.name)
        cls.enterClassContext(phased_model.registered())
        with contextlib.redirect_stdout(io.StringIO()):
            launch.train(experiment(COMPUTED), cls.root / "computed")
            launch.train(experiment(STORED), cls.root / "stored")

    def setUp(self):
        self.output = io.StringIO()
        self.directory = self.root / self._testMethodName

    def train(self, phases=STORED, **changes):
        with contextlib.redirect_stdout(self.output):
            return launch.train(experiment(phases, **changes), self.directory)

    def stop_at(self, step, **changes):
        with contextlib.redirect_stdout(self.output):
            stops.train_until(step, experiment(STORED, checkpoint_every=1, **changes), self.directory)

    def difference(self, other="stored"):
        return runs.largest_difference(runs.weights_of(self.root / other), runs.weights_of(self.directory))

    def files(self):
        return sorted((self.directory / precomputed.FOLDER).glob("*"))

    def test_the_run_is_the_one_that_computes_in_every_step(self):
        called, compute = [], phased_model.Phased.forward

        def noting(model, *arguments):
            called.append(model.phase)
            return compute(model, *arguments)

        with mock.patch.object(phased_model.Phased, "forward", noting):
            self.train()
        self.assertLess(self.difference("computed"), 1e-6)
        # Once, to know the names of the terms: the step itself does without.
        self.assertEqual(called[called.index("first"):].count("second"), 1)
        self.assertIn(f"{SAID} {self.directory / 'precomputed'}\n", self.output.getvalue())
        self.assertRegex(self.output.getvalue(), r"computed 64/64 mean colours  .* ETA 0:00")
        self.assertEqual(self.files(), [])

    def test_the_rows_are_those_of_the_examples_that_are_left(self):
        """A part of the images, some of which the filters drop."""
        changes = {"num_train_examples": 50, "max_objects": 2}
        self.stop_at(5, **changes)
        array = np.load(self.files()[0])
        self.assertEqual((array.shape[1:], array.dtype), ((3,), np.float32))
        self.assertLess(len(array), 50)
        self.train(checkpoint_every=1, **changes)
        found = runs.weights_of(self.directory)
        self.directory = self.root / "computed_of_some"
        self.train(COMPUTED, **changes)
        self.assertLess(runs.largest_difference(found, runs.weights_of(self.directory)), 1e-6)

    def test_a_resumed_run_finds_the_file(self):
        self.stop_at(5)
        self.assertEqual(self.output.getvalue().count(SAID), 1)
        with mock.patch.object(tensorflow_engine.TensorFlowEngine, "mapper", side_effect=AssertionError("again")):
            self.train(checkpoint_every=1)
        self.assertEqual(self.difference(), 0.0)

    def test_a_file_that_is_gone_or_damaged_is_made_again(self):
        for stop, damage in ((5, lambda path: path.unlink()), (6, lambda path: path.write_bytes(b"cut off")),
                             (7, lambda path: np.save(path, np.zeros((63, 3), np.float32))),
                             (8, lambda path: path.rename(path.with_stem("mean-of-other-weights")))):
            self.stop_at(stop)
            damage(self.files()[0])
        self.train(checkpoint_every=1)
        self.assertEqual(self.output.getvalue().count(SAID), 5)
        self.assertEqual(self.difference(), 0.0)
        self.assertEqual(self.files(), [])

    def test_other_weights_are_another_file(self):
        variables = [keras.Variable([1.0, 2.0]), keras.Variable([3.0])]
        names = [precomputed._digest(variables)]
        for value in (3.5, 3.0):
            variables[1].assign([value])
            names.append(precomputed._digest(variables))
        self.assertEqual([names[0] == other for other in names], [True, False, True])

    def test_a_signal_while_they_are_computed_stops_the_run(self):
        compute = precomputed.ArrayFile.add

        def add_and_be_stopped(file, rows):
            compute(file, rows)
            os.kill(os.getpid(), signal.SIGTERM)

        with mock.patch.object(precomputed.ArrayFile, "add", add_and_be_stopped):
            self.assertEqual(self.train(checkpoint_every=1)["step"], 4)
        self.assertRegex(self.output.getvalue(), "stopped by SIGTERM at step 4; saved in .*ckpt-4.npz; start the same")
        self.assertEqual(self.files(), [])
        self.train(checkpoint_every=1)
        self.assertEqual(self.difference(), 0.0)

    def test_a_signal_before_the_first_step_ends_the_process(self):
        def be_stopped(file, rows):
            os.kill(os.getpid(), signal.SIGTERM)

        with mock.patch.object(precomputed.ArrayFile, "add", be_stopped), self.assertRaises(KeyboardInterrupt):
            self.train("second:5:precompute=background")
        self.assertEqual(self.files(), [])

    def test_two_devices_equal_one(self):
        changes = {"optimizer": "sgd", "learning_rate": 0.2}  # large, so that an exchange of rows would show
        self.train(strategy="mirrored", num_devices=2, **changes)
        found = runs.weights_of(self.directory)
        self.directory = self.root / "one_device"
        self.train(COMPUTED, **changes)
        self.assertLess(runs.largest_difference(found, runs.weights_of(self.directory)), 1e-6)

    def test_8_bits_are_those_that_would_be_computed(self):
        self.stop_at(5, quantized=True)
        self.assertEqual(np.load(self.files()[0]).dtype, np.uint8)
        self.train(checkpoint_every=1, quantized=True)
        found = runs.weights_of(self.directory)
        self.directory = self.root / "computed_with_8_bits"
        self.train(COMPUTED, quantized=True)
        self.assertLess(runs.largest_difference(found, runs.weights_of(self.directory)), 1e-6)
        self.assertGreater(self.difference("computed"), 1e-5)

    def test_several_phases_may_and_a_finished_run_may_go_on(self):
        phases = "second:2{0},first:2,second:3{0}"
        self.train(phases.format(":precompute=background"))
        self.assertEqual((self.output.getvalue().count(SAID), self.files()), (2, []))
        longer = phases.replace("second:3", "second:4")
        self.train(longer.format(":precompute=background"))
        self.assertEqual((self.output.getvalue().count(SAID), self.files()), (3, []))
        found = runs.weights_of(self.directory)
        self.directory = self.root / "computed_in_three"
        self.train(longer.format(""))
        self.assertLess(runs.largest_difference(found, runs.weights_of(self.directory)), 1e-6)

    def test_a_run_may_be_resumed_without(self):
        self.stop_at(6)
        self.train(COMPUTED, checkpoint_every=1)
        self.assertLess(self.difference("computed"), 1e-6)
        self.assertEqual(self.files(), [])

    def test_the_directory_may_lie_elsewhere(self):
        elsewhere = self.root / "another disk"
        for folder in (elsewhere, self.directory):
            folder.mkdir()
        (self.directory / precomputed.FOLDER).symlink_to(elsewhere)
        self.stop_at(5)
        self.assertEqual(len(list(elsewhere.iterdir())), 1)
        self.train(checkpoint_every=1)
        self.assertEqual((self.difference(), list(elsewhere.iterdir())), (0.0, []))

    def test_a_disk_without_room_is_noticed_before_anything_is_trained(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=700)), self.assertRaisesRegex(
                UserError, "--phases: mean colours of 64 images need 0.0 GB, 0.0 GB are free; free space, or leave "
                "precompute out"):
            self.train()
        self.assertFalse(self.directory.exists())

    def test_a_disk_that_fills_up_loses_nothing(self):
        full = OSError(28, "No space left on device")
        with mock.patch.object(precomputed.ArrayFile, "add", side_effect=full), self.assertRaisesRegex(
                UserError, "mean-.*npy cannot be written: No space left on device; mend that and start the same "
                "command again to resume"):
            self.train(checkpoint_every=1)
        self.assertEqual(self.files(), [])
        self.train(checkpoint_every=1)
        self.assertIn("resuming at step 4", self.output.getvalue())
        self.assertEqual(self.difference(), 0.0)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no device that is always full")
    def test_a_disk_that_is_really_full_is_named_once(self):
        folder = self.directory / precomputed.FOLDER
        folder.mkdir(parents=True)
        (folder / "unfinished.tmp").symlink_to("/dev/full")
        wanted = Precomputation("colours", "mean", (3,), "float32", None, [])
        batches = [{"values": np.zeros((2, 3), np.float32), "valid": np.ones(2, bool)}]
        with contextlib.redirect_stdout(self.output), self.assertRaisesRegex(
                UserError, "mean.npy cannot be written: No space left on device; mend that and start the same"):
            precomputed._write(folder / "mean.npy", wanted, 2, batches, lambda: False)
        self.assertEqual(self.files(), [])

    def test_what_a_phase_trains_cannot_be_computed_once(self):
        with self.assertRaisesRegex(UserError, "precompute=background is not for first of phased, only for second; "
                                    "leave it out"):
            self.train("first:4:precompute=background,second:5")
        with self.assertRaisesRegex(UserError, "phased has no phase 'secnd'"):
            self.train("first:4,secnd:5:precompute=background")
        with self.assertRaisesRegex(UserError, "precompute=masks of second is unknown; write precompute=background, or "
                                    "leave it out to compute it in every step"):
            self.train("first:4,second:5:precompute=masks")


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class JaxPrecomputedTest(unittest.TestCase):
    def test_jax_reads_what_it_has_computed(self):
        with tempfile.TemporaryDirectory() as root:
            worker = subprocess.run(
                [sys.executable, "-m", "tests.training.jax_precomputed", root, runs.data_dir()], cwd=runs.ROOT,
                text=True, capture_output=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
            self.assertEqual(worker.returncode, 0, worker.stderr[-2000:])
            self.assertEqual(worker.stdout.count("computing the mean colours of 64 images"), 5)
            for name, other in (("stored", "computed"), ("two", "computed"), ("resident", "computed"),
                                ("streamed", "computed"), ("quantized", "quantized_computed")):
                found, expected = (runs.weights_of(pathlib.Path(root) / run) for run in (name, other))
                self.assertLess(runs.largest_difference(found, expected), 1e-6, name)


if __name__ == "__main__":
    unittest.main()
