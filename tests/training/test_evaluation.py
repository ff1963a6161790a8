"""Scores of models and of runs."""

import contextlib
import dataclasses
import io
import json
import pathlib
import tempfile
import unittest

import numpy as np
import tensorflow as tf
from PIL import Image

from tests import helpers
from tests.training import runs
from tfobj import config
from tfobj import registry
from tfobj.data import pipeline
from tfobj.data import prepared
from tfobj.data import source as sources
from tfobj.errors import UserError
from tfobj.metrics import reference
from tfobj.training import evaluate_run
from tfobj.training import evaluation
from tfobj.training import launch
from tfobj.training.tensorflow_engine import TensorFlowEngine


class EvaluatorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = runs.experiment().data
        cls.source = sources.open_source(cls.data)
        cls.model = helpers.perturb(registry.build_model(
            "slot_attention", helpers.slot_attention_config(num_slots=4), cls.source.image_shape))

    def evaluate(self, batch_size, num_examples=10, strategy=None, **overrides):
        inputs = pipeline.EvaluationInput(self.source, self.data, "test", num_examples, batch_size)
        return evaluation.Evaluator(TensorFlowEngine(strategy), self.model, inputs, 3, **overrides).run()

    def test_scores_equal_the_numpy_reference_image_by_image(self):
        scores = self.evaluate(4)
        batch = pipeline.EvaluationInput(self.source, self.data, "test", 10, 10).examples(10)
        outputs = self.model(batch["image"] / np.float32(255), noise=helpers.noise_of(self.model, 10))
        predicted = outputs["segmentation"].numpy()
        for name, foreground in (("ari", False), ("ari_fg", True)):
            expected = [reference.adjusted_rand_index(true, labels, 4, 4, ignore_background=foreground)
                        for true, labels in zip(batch["mask"], predicted)]
            np.testing.assert_allclose(scores["per_image"][name], expected, atol=1e-6)
            self.assertAlmostEqual(scores[name], float(np.mean(expected)), places=6)
        error = np.mean((batch["image"] / 255.0 - outputs["reconstruction"].numpy())**2)
        self.assertAlmostEqual(scores["mse"], float(error), places=6)

    def test_the_batch_size_does_not_matter(self):
        first, second = self.evaluate(10), self.evaluate(3)
        self.assertEqual(first["num_images"], second["num_images"])
        for name in ("ari", "ari_fg", "ari_thresholded", "mse", "loss", "mask_entropy", "slots_alike"):
            self.assertAlmostEqual(first[name], second[name], places=5, msg=name)

    def test_overrides_and_seed_change_the_answer(self):
        usual = self.evaluate(5)
        self.assertEqual(len(self.evaluate(5, num_slots=6)["slot_usage"]), 6)
        for override in ({"num_iterations": 5}, {"noise_seed": 1}):
            self.assertNotEqual(self.evaluate(5, **override)["mse"], usual["mse"])

    def test_headline(self):
        self.assertEqual(evaluation.headline({"ari_fg": 0.5, "loss": 1.0}), ("ari_fg", 0.5))
        self.assertEqual(evaluation.headline({"loss": 1.0}), ("-loss", -1.0))


class EvaluateRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.temporary.name)
        cls.addClassCleanup(cls.temporary.cleanup)
        with contextlib.redirect_stdout(io.StringIO()):
            cls.trained = launch.train(runs.experiment(validation_examples=16), cls.root / "run")

    def test_validation_split_gives_the_scores_of_the_run(self):
        result, path, picture = evaluate_run.evaluate_run(self.root / "run", split="validation")
        self.assertAlmostEqual(result["scores"]["loss"], self.trained["loss"], places=6)
        self.assertAlmostEqual(result["scores"]["ari_fg"], self.trained["ari_fg"], places=6)
        self.assertEqual(json.loads(path.read_text()), result)
        self.assertEqual((path.name, picture.name), ("evaluation_validation.json", "evaluation_validation.png"))
        with Image.open(picture) as opened:
            self.assertEqual(opened.mode, "RGB")
        self.assertIn("16 images of colored_shapes/tiny (validation), step 10, K=4, T=2", evaluate_run.table(result))

    def test_overrides_go_into_the_file_names(self):
        _, path, picture = evaluate_run.evaluate_run(self.root / "run", num_slots=5, num_iterations=3)
        self.assertEqual((path.name, picture.name), ("evaluation_K5_T3.json", "evaluation_K5_T3.png"))

    def test_a_folder_of_pictures_is_trained_on_moved_and_scored_without_truth(self):
        folder = self.root / "pictures"
        folder.mkdir()
        for index in range(20):
            Image.fromarray(helpers.images(1, (40, 50, 3), seed=index)[0]).save(folder / f"{index}.png")
        experiment = dataclasses.replace(runs.experiment(num_steps=2, batch_size=4), data=config.DataConfig(
            dataset="folder", image_dir=str(folder), image_size="16", data_dir=str(self.root / "data")))
        with contextlib.redirect_stdout(io.StringIO()):
            scores = launch.train(experiment, self.root / "folder_run")
        self.assertNotIn("ari_fg", scores)
        folder.rename(self.root / "moved")
        result, _, _ = evaluate_run.evaluate_run(self.root / "folder_run", image_dir=str(self.root / "moved"))
        self.assertGreater(result["scores"]["mse"], 0.0)

    def test_other_data_than_in_training_is_refused(self):
        other = self.root / "other"
        data = config.DataConfig(dataset="colored_shapes", dataset_config="tiny", data_dir=str(other))
        prepared.prepare_dataset(data, split_sizes={"train": 64, "validation": 16, "test": 5})
        with self.assertRaisesRegex(UserError, "was trained on other data"):
            evaluate_run.evaluate_run(self.root / "run", data_dir=str(other))

    def test_no_run(self):
        with self.assertRaisesRegex(UserError, "holds no run"):
            evaluate_run.evaluate_run(self.root / "none")
