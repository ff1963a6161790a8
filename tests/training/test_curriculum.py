"""A run of several phases: boundaries, resume, what is recorded."""

import contextlib
import importlib.util
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np

from tests import helpers
from tests.training import phased_model
from tests.training import runs
from tests.training import stops
from tests.training.phased_model import experiment
from tfobj.errors import UserError
from tfobj.training import launch
from tfobj.training import run_directory
from tfobj.training import stage as stages
from tfobj.training.checkpoints import named

KEPT = "first:4:batch_size=16:learning_rate=1e-2,second:5:moments=keep"


class CurriculumTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        self.output = io.StringIO()
        self.enterContext(phased_model.registered())

    def train(self, name, *arguments, **changes):
        with contextlib.redirect_stdout(self.output):
            return launch.train(experiment(*arguments, **changes), self.root / name)

    def difference(self, first, second):
        return runs.largest_difference(runs.weights_of(self.root / first), runs.weights_of(self.root / second))

    def test_a_run_that_is_interrupted_around_a_boundary_ends_as_an_uninterrupted_one(self):
        self.train("whole")
        for stop in (3, 4, 5):
            with contextlib.redirect_stdout(self.output):
                stops.train_until(stop, experiment(checkpoint_every=1), self.root / f"parts{stop}")
            self.assertEqual(self.train(f"parts{stop}", checkpoint_every=1)["step"], 9)
            self.assertIn(f"resuming at step {stop}", self.output.getvalue())
            self.assertEqual(self.difference("whole", f"parts{stop}"), 0.0)

    def test_each_phase_has_its_weights_optimizer_schedule_and_images(self):
        self.train("run", checkpoint_every=1, keep_checkpoints=9, log_every=1)
        folder = self.root / "run" / "checkpoints"
        steps = {step: np.load(folder / f"ckpt-{step}.npz") for step in (1, 3, 4, 5, 9)}
        for name in ("first", "second"):
            moved = [np.abs(steps[last][f"model/{name}/kernel"] - steps[first][f"model/{name}/kernel"]).max() > 0
                     for first, last in ((1, 4), (4, 9))]
            self.assertEqual(moved, [name == "first", True], name)
        self.assertEqual([int(steps[step]["optimizer/iteration"]) for step in (3, 4, 5, 9)], [3, 4, 1, 5])
        self.assertEqual(["optimizer/phased_second_kernel_momentum" in steps[step] for step in (4, 5)], [False, True])
        lines = [line for line in runs.records(self.root / "run") if line["group"] == "train"]
        self.assertEqual([line["phase"] for line in lines], [0] * 4 + [1] * 5)
        # The rate that is recorded is that of the update after; the schedule of each phase begins with its own.
        rates = [line["learning_rate"] for line in lines]
        np.testing.assert_allclose(rates[:3], 1e-2 * np.array([4 / 9, 1, 1]) * 0.5 ** (np.arange(1, 4) / 50), rtol=1e-5)
        np.testing.assert_allclose(rates[4:6], 2e-3 * np.array([4 / 9, 1]) * 0.5 ** (np.arange(1, 3) / 50), rtol=1e-5)
        self.assertRegex(self.output.getvalue(), r"phase second: to step 9, 24 weights, batch 8, learning rate 0.002\n")
        self.assertRegex(self.output.getvalue(), r"step 9/9  second to 9  loss ")

    def test_one_phase_is_a_run_without_phases(self):
        self.train("plain", "", num_steps=6)
        self.train("one", "second:6")
        self.train("two", "second:4,second:2", optimizer="sgd")
        self.train("sgd", "", num_steps=6, optimizer="sgd")
        self.assertEqual(self.difference("plain", "one"), 0.0)
        # Without state, a fresh optimizer that goes on with the schedule is the old one, but for its count of steps.
        found, expected = (runs.weights_of(self.root / name) for name in ("two", "sgd"))
        for weights in (found, expected):
            del weights["optimizer/iteration"]
        self.assertEqual(runs.largest_difference(found, expected), 0.0)

    def test_two_devices_equal_one(self):
        self.train("one", optimizer="sgd")
        self.train("two", optimizer="sgd", strategy="mirrored", num_devices=2)
        self.assertLess(self.difference("one", "two"), 1e-6)
        self.train("one_kept", KEPT, adam_epsilon=0.1)
        self.train("two_kept", KEPT, adam_epsilon=0.1, strategy="mirrored", num_devices=2)
        self.assertLess(self.difference("one_kept", "two_kept"), 1e-6)

    def test_an_optimizer_that_goes_on_is_the_same_over_phases(self):
        self.train("one", "second:6")
        self.train("two", "second:4,second:2:moments=keep")
        self.assertEqual(self.difference("one", "two"), 0.0)

    def test_moments_are_kept_of_what_goes_on_and_empty_of_what_joins(self):
        begun, start = [], stages.Stage.start

        def noting(stage, step):
            begun.append({name: helpers.array(variable)
                          for name, variable in named("optimizer", stage._optimizer.variables).items()})
            return start(stage, step)

        with mock.patch.object(stages.Stage, "start", noting):
            self.train("whole", KEPT)
        saved = np.load(self.root / "whole" / "checkpoints" / "ckpt-4.npz")
        self.assertEqual([int(arrays.pop("optimizer/iteration")) for arrays in begun], [0, 4])
        for name, value in begun[1].items():
            if name.startswith("optimizer/phased_first"):
                self.assertGreater(np.abs(value).max(), 0.0, name)
                np.testing.assert_array_equal(value, saved[name], name)
            else:
                np.testing.assert_array_equal(value, 0.0, name)
        for stop in (4, 5):
            with contextlib.redirect_stdout(self.output):
                stops.train_until(stop, experiment(KEPT, checkpoint_every=1), self.root / f"parts{stop}")
            self.train(f"parts{stop}", KEPT, checkpoint_every=1)
            self.assertEqual(self.difference("whole", f"parts{stop}"), 0.0)

    def test_a_phase_of_preparation_is_never_the_best(self):
        with mock.patch("tfobj.tasks.object_discovery.ObjectDiscovery.headline",
                        lambda task, scores: ("score", -len(self.output.getvalue()))):  # worse with every line
            self.train("run", validation_examples=4, validate_every=2)
        self.assertEqual(runs.step_of_best(self.root / "run"), 6)

    def test_the_last_phase_may_become_longer(self):
        self.train("run")
        self.assertEqual(self.train("run", experiment().train.phases.replace("second:5", "second:6"))["step"], 10)
        self.train("whole", experiment().train.phases.replace("second:5", "second:6"))
        self.assertEqual(self.difference("run", "whole"), 0.0)
        with self.assertRaisesRegex(UserError, "at step 10, beyond --phases=first:4.*second:5, which make 9; choose"):
            self.train("run")
        with self.assertRaisesRegex(UserError, "holds a run of another model, phased, not slot_attention; choose"):
            launch.train(runs.experiment(), self.root / "run")
        with self.assertRaisesRegex(UserError, "holds another run .*phases: first:4"):
            self.train("run", experiment().train.phases.replace("first:4", "first:3"))

    def test_what_cannot_be_is_refused_before_anything_is_written(self):
        for phases, message in (("third:4", "phased has no phase 'third'; it has first, second"),
                                ("first:1:batch_size=1000,second:1", "--batch_size=1000 but only 64")):
            with self.assertRaisesRegex(UserError, message):
                self.train("run", phases)
        with self.assertRaisesRegex(UserError, r"--batch_size=7 \(phase second\) cannot be shared by 2 devices"):
            self.train("run", "first:1,second:1:batch_size=7", strategy="mirrored", num_devices=2)
        self.assertFalse((self.root / "run").exists())

    def test_the_run_knows_its_length(self):
        self.train("run")
        self.assertEqual(run_directory.read_run(self.root / "run").config.train.num_steps, 9)


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class JaxCurriculumTest(unittest.TestCase):
    def test_jax_trains_in_phases_resumes_exactly_and_shares_a_batch(self):
        with tempfile.TemporaryDirectory() as root:
            worker = subprocess.run(
                [sys.executable, "-m", "tests.training.jax_phases", root, runs.data_dir()], cwd=runs.ROOT, text=True,
                capture_output=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
            self.assertEqual(worker.returncode, 0, worker.stderr[-2000:])
            whole = runs.weights_of(pathlib.Path(root) / "whole")
            for name, tolerance in (("parts3", 0.0), ("parts4", 0.0), ("parts5", 0.0), ("two", 1e-6)):
                difference = runs.largest_difference(whole, runs.weights_of(pathlib.Path(root) / name))
                self.assertLessEqual(difference, tolerance, name)
                self.assertIn("phase second: to step 9", worker.stdout)
            one, kept = (runs.weights_of(pathlib.Path(root) / name) for name in ("one", "kept"))
            self.assertEqual(runs.largest_difference(one, kept), 0.0)


if __name__ == "__main__":
    unittest.main()
