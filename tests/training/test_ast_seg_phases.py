"""AST-Seg's curriculum through the trainer: what each phase trains, and exact resume in each and between them."""

import contextlib
import dataclasses
import io
import pathlib
import tempfile
import unittest
from unittest import mock

import numpy as np

from tests.conformance import descriptors
from tests.training import runs
from tests.training import stops
from tfobj.training import launch
from tfobj.training import trainer

PHASES = "background:2:learning_rate=2e-3:warmup_steps=0,frozen:2,joint:2"
STORED = PHASES.replace("frozen:2", "frozen:2:precompute=background")


def experiment(phases=PHASES):
    """Two steps of each phase, each of which saves."""
    model_config = dataclasses.replace(descriptors.AST_SEG, pixel_entropy_steps=8)
    values = {"phases": phases, "image_size": "32", "log_every": 50, "validate_every": 50, "picture_every": 50,
              "checkpoint_every": 1, "keep_checkpoints": 9, "validation_examples": 0, "clip_norm": 0.0}
    return dataclasses.replace(runs.experiment(**values), model="ast_seg", model_config=model_config)


class AstSegPhasesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.root = pathlib.Path(temporary.name)
        # Pictures take a graph of their own, and change nothing.
        cls.enterClassContext(mock.patch.object(trainer.Trainer, "_draw"))
        with contextlib.redirect_stdout(io.StringIO()):
            launch.train(experiment(), cls.root / "whole")
        cls.saved = {}
        for step in range(1, 7):
            with np.load(cls.root / "whole" / "checkpoints" / f"ckpt-{step}.npz") as file:
                cls.saved[step] = {name: file[name] for name in file}

    def moved(self, part, first, last):
        """Which of the model's arrays with `part` in their name differ between two steps, list of bool."""
        names = [name for name in self.saved[first] if part in name and not name.startswith("optimizer/")]
        self.assertTrue(names, part)
        return [bool(np.any(self.saved[first][name] != self.saved[last][name])) for name in names]

    def test_a_run_that_dies_after_every_step_ends_as_one_that_never_did(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            for stop in range(1, 6):
                stops.train_until(stop, experiment(), self.root / "parts")
            launch.train(experiment(), self.root / "parts")
        for stop in range(1, 6):
            self.assertIn(f"resuming at step {stop}", output.getvalue())
        whole = runs.weights_of(self.root / "whole")
        for part in ("moving_mean", "moving_variance", "model/beta", "model/step", "optimizer/"):
            self.assertTrue([name for name in whole if part in name], part)
        self.assertEqual(runs.largest_difference(whole, runs.weights_of(self.root / "parts")), 0.0)

    def test_backgrounds_that_are_stored_are_those_that_would_be_computed(self):
        directory, output = self.root / "stored", io.StringIO()
        with contextlib.redirect_stdout(output):
            for stop in (2, 3):
                stops.train_until(stop, experiment(STORED), directory)
            stored = [np.load(path) for path in (directory / "precomputed").iterdir()]
            launch.train(experiment(STORED), directory)
        self.assertEqual([(array.shape, array.dtype) for array in stored], [((64, 32, 32, 4), np.float32)])
        self.assertEqual(output.getvalue().count("computing the backgrounds of 64 images, 1.0 MB"), 1)
        difference = runs.largest_difference(runs.weights_of(self.root / "whole"), runs.weights_of(directory))
        self.assertLess(difference, 1e-5)

    def test_each_phase_trains_its_part(self):
        for part, expected in (("background/", (True, False, True)), ("generator/", (False, True, True)),
                               ("transformer/", (False, True, True)), ("glimpses/", (False, True, True)),
                               ("occlusion/", (False, True, True)), ("moving_", (False, True, True)),
                               ("model/beta", (False, True, True)), ("model/step", (False, True, True))):
            found = [self.moved(part, first, last) for first, last in ((1, 2), (2, 4), (4, 6))]
            self.assertEqual([any(several) for several in found], list(expected), part)
            if part == "background/":
                self.assertTrue(all(found[0]) and all(found[2]), "every weight of the background")

    def test_each_phase_has_a_new_optimizer(self):
        counts = [int(self.saved[step]["optimizer/iteration"]) for step in range(1, 7)]
        self.assertEqual(counts, [1, 2, 1, 2, 1, 2])
        has = [any("background_encoder0" in name for name in self.saved[step] if name.startswith("optimizer/"))
               for step in (2, 4, 6)]
        self.assertEqual(has, [True, False, True])


if __name__ == "__main__":
    unittest.main()
