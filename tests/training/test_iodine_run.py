"""A run of IODINE from training to scores and predictions with other numbers of slots and iterations."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import tempfile
import unittest

import numpy as np

from tests import helpers
from tests.parsed_flags import read_experiment
from tests.training import runs
from tfobj import config
from tfobj.data import prepared
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

    def test_sequences_are_trained_on_drawn_and_scored_by_their_last_frame(self):
        model_config = helpers.iodine_config(num_slots=3, num_iterations=2, sequential=True)
        data = config.DataConfig(dataset="objects_room", dataset_variant="sequences", dataset_config="tiny",
                                 image_size="16")
        with tempfile.TemporaryDirectory() as directory:
            data = dataclasses.replace(data, data_dir=f"{directory}/data")
            experiment = dataclasses.replace(
                runs.experiment(num_steps=2, batch_size=2, validation_examples=2, eval_batch_size=2, validate_every=2,
                                picture_every=2), model="iodine", model_config=model_config, data=data)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                prepared.prepare_dataset(data, split_sizes={"train": 4, "validation": 2, "test": 3})
                trained = launch.train(experiment, f"{directory}/run")
            pictures = {path.name for path in pathlib.Path(directory, "run", "pictures").iterdir()}
            self.assertLessEqual({"slots-2.png", "iterations-2.png"}, pictures)
            result, _, _ = evaluate_run.evaluate_run(f"{directory}/run", num_examples=3)
        for scores in (trained, result["scores"]):
            self.assertIn("nll_2", scores)
            self.assertTrue(-1.0 <= scores["ari_fg"] <= 1.0, scores)

    @unittest.skipUnless(os.environ.get("TFOBJ_SLOW_TESTS") == "1", "takes ten minutes; TFOBJ_SLOW_TESTS=1 runs it")
    def test_finds_the_objects(self):
        """The small experiment, as far as it gets in 2,000 steps: 0.81 on 100 validation images with seed 0."""
        experiment = read_experiment("--flagfile=experiments/iodine_colored_shapes.flags")
        with tempfile.TemporaryDirectory() as directory:
            experiment = dataclasses.replace(
                experiment, data=dataclasses.replace(experiment.data, data_dir=f"{directory}/data"),
                train=dataclasses.replace(experiment.train, num_steps=2000))
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                prepared.prepare_dataset(experiment.data)
                launch.train(experiment, f"{directory}/run")
            result, _, _ = evaluate_run.evaluate_run(f"{directory}/run", num_iterations=8)
        self.assertGreater(result["scores"]["ari_fg"], 0.7)


if __name__ == "__main__":
    unittest.main()
