"""The JAX engine: exact resume, devices, precision, and runs that TensorFlow takes over."""

import contextlib
import dataclasses
import importlib.util
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from tests.training import runs
from tfobj.analysis import catalogue
from tfobj.analysis.run_analysis import run_analysis
from tfobj.data import prepared
from tfobj.training import evaluate_run
from tfobj.training import launch
from tfobj.training import run_directory


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class JaxEngineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.root = pathlib.Path(directory.name)
        cls.experiment = runs.experiment(
            num_steps=5, log_every=5, validate_every=5, picture_every=5, checkpoint_every=5, validation_examples=6,
            data_dir=str(cls.root / "data"))
        cls.worker = subprocess.run(
            [sys.executable, "-P", "tests/training/jax_runs.py", str(cls.root), *runs.flags_of(cls.experiment)],
            cwd=runs.ROOT, capture_output=True, text=True, check=False, timeout=600,
            env={**os.environ, "PYTHONPATH": str(runs.ROOT), "JAX_PLATFORMS": "cpu",
                 "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_COMPILATION_CACHE_DIR": str(cls.root / "compiled"),
                 "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"})

    def setUp(self):
        self.assertEqual(self.worker.returncode, 0, self.worker.stderr[-3000:])

    def difference(self, first, second):
        """Largest difference between the last checkpoints of two runs."""
        return runs.largest_difference(runs.weights_of(self.root / first), runs.weights_of(self.root / second))

    def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(self):
        self.assertIn("stopped by SIGTERM at step 2", self.worker.stdout)
        self.assertIn("resuming at step 2", self.worker.stdout)
        self.assertIn("resuming at step 3", self.worker.stdout)
        self.assertEqual(self.difference("whole", "parts"), 0.0)

    def test_two_devices_equal_one(self):
        self.assertIn("devices: 2 CPUs (JAX)", self.worker.stdout)
        self.assertLess(self.difference("whole", "two"), 1e-5)

    def test_many_steps_in_one_call_equal_single_steps(self):
        self.assertLess(self.difference("whole", "resident"), 1e-5)
        self.assertEqual(self.difference("resident", "streamed"), 0.0)

    def test_bfloat16_trains_and_keeps_float32_weights(self):
        weights = runs.weights_of(self.root / "low")
        self.assertEqual({str(value.dtype) for name, value in weights.items() if name.startswith("model/")
                          and "seed" not in name}, {"float32"})
        self.assertGreater(self.difference("whole", "low"), 1e-6)
        self.assertLess(runs.records(self.root / "low")[-1]["loss"], 2.0)

    def test_what_is_not_finite_stops_the_run(self):
        self.assertRegex(self.worker.stdout,
                         r"nan: training stopped at step \d: (loss|gradient_norm) is (nan|inf); the last good")

    def test_what_exceeds_its_limit_stops_the_run(self):
        self.assertRegex(self.worker.stdout,
                         r"limited: training stopped at step 0: mse is [\d.]+, above --max_mse=1e-09; the last good")

    def test_records_are_those_of_any_run(self):
        lines = runs.records(self.root / "whole")
        self.assertEqual([(line["step"], line["group"]) for line in lines], [(5, "train"), (5, "validation")])
        self.assertIn("ari_fg", lines[-1])
        versions = json.loads((self.root / "whole" / "config.json").read_text())["versions"]
        self.assertIn("jax", versions)
        self.assertNotIn("tensorflow", versions)
        self.assertTrue(list((self.root / "whole" / "tensorboard" / "validation").iterdir()))

    def test_tensorflow_gives_the_same_scores_and_goes_on_with_the_run(self):
        there = json.loads((self.root / "whole" / "evaluation_n10.json").read_text())
        with contextlib.redirect_stdout(io.StringIO()):
            prepared.prepare_dataset(self.experiment.data)
            here, _, _ = evaluate_run.evaluate_run(self.root / "whole", num_examples=10)
        for name, value in here["scores"].items():
            np.testing.assert_allclose(there["scores"][name], value, rtol=1e-4, atol=1e-5, err_msg=name)
        self.check_analyses()
        shutil.copytree(self.root / "whole", self.root / "continued")
        longer = dataclasses.replace(self.experiment, train=dataclasses.replace(self.experiment.train, num_steps=6))
        with contextlib.redirect_stdout(io.StringIO()) as output:
            launch.train(longer, self.root / "continued")
        self.assertIn("resuming at step 5", output.getvalue())
        self.assertEqual(run_directory.load_run(self.root / "continued", "latest").step, 6)

    def check_analyses(self):
        """Repeats the analyses of `whole` and compares their numbers."""
        there = {path.stem.partition("_")[0]: json.loads(path.read_text())
                 for path in (self.root / "whole").glob("*_n5_T1*.json")}
        self.assertEqual(set(there), {"factors", "traversals"})
        for name, expected in there.items():
            chosen = catalogue.ANALYSES[name].options(**immutable(expected["options"]))
            here = run_analysis(name, chosen, lambda verb, noun: lambda done, total: None, self.root / "whole",
                                num_examples=5, num_iterations=1, batch_size=5)[0]
            self.assertEqual(json.dumps(shape_of(here)), json.dumps(shape_of(expected)))
            np.testing.assert_allclose(numbers_of(here), numbers_of(expected), rtol=1e-3, atol=5e-3, err_msg=name)


def immutable(values):
    """JSON's lists as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def numbers_of(value):
    """All floats in nested JSON values, in order."""
    if isinstance(value, (dict, list)):
        members = value.values() if isinstance(value, dict) else value
        return [number for member in members for number in numbers_of(member)]
    return [value] if isinstance(value, float) else []


def shape_of(value):
    """Nested JSON values with all floats alike."""
    if isinstance(value, dict):
        return {name: shape_of(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape_of(member) for member in value]
    return 0.0 if isinstance(value, float) else value


if __name__ == "__main__":
    unittest.main()
