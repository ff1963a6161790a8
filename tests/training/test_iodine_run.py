"""A run of IODINE from training to scores and predictions with other numbers of slots and iterations."""

import contextlib
import dataclasses
import io
import json
import tempfile
import unittest

import numpy as np

from tests import helpers
from tests.training import runs
from tfobj.prediction import Predictor
from tfobj.serving.options import ServingOptions
from tfobj.training import evaluate_run
from tfobj.training import launch
from tfobj.training import run_directory


class IodineRunTest(unittest.TestCase):
    def test_scores_and_predictions_with_more_slots_and_iterations_than_in_training(self):
        model_config = helpers.iodine_config(num_slots=4, num_iterations=1)
        experiment = dataclasses.replace(runs.experiment(num_steps=2), model="iodine", model_config=model_config)
        with tempfile.TemporaryDirectory() as directory:
            with contextlib.redirect_stdout(io.StringIO()):
                trained = launch.train(experiment, directory)
            self.assertGreater(trained["nll_1"], 0.0)
            result, path, _ = evaluate_run.evaluate_run(directory, num_examples=4, num_slots=5, num_iterations=3)
            self.assertEqual(json.loads(path.read_text())["num_iterations"], 3)
            self.assertEqual(path.name, "evaluation_n4_K5_T3.json")
            self.assertEqual(len(result["scores"]["slot_usage"]), 5)
            self.assertIn("kl_3", result["scores"])
            predict = Predictor(run_directory.load_run(directory).model, ServingOptions(num_slots=5, num_iterations=3))
        prediction, = predict([helpers.images(1, (40, 50, 3))[0]])
        self.assertEqual(prediction["masks"].shape, (5, 32, 32))
        np.testing.assert_allclose(prediction["masks"].sum(axis=0), 1.0, atol=1e-5)


if __name__ == "__main__":
    unittest.main()
