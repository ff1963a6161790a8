"""Scores of models and of runs."""

import contextlib
import dataclasses
import io
import json
import pathlib
import tempfile
import unittest

import keras
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
from tfobj.tasks.object_discovery import ObjectDiscovery
from tfobj.training import evaluate_run
from tfobj.training import evaluation
from tfobj.training import evaluation_data
from tfobj.training import launch
from tfobj.training import run_directory
from tfobj.training.tensorflow_engine import TensorFlowEngine


class EvaluatorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = runs.experiment().data
        cls.source = sources.open_source(cls.data)
        keras.utils.set_random_seed(0)  # every run compares the same model
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
        task = ObjectDiscovery()
        self.assertEqual(task.headline({"ari_fg": 0.5, "loss": 1.0}), ("ari_fg", 0.5))
        self.assertEqual(task.headline({"loss": 1.0}), ("-loss", -1.0))
        self.assertEqual(task.headline({"loss": 1.0, "elbo": -3.0}), ("elbo", -3.0))  # the loss weighs by GECO's beta
        self.assertEqual(task.headline({"ari_fg": 0.5, "loss": 1.0, "slot_usage": [1.0, 0.5]}), ("ari_fg", 0.5))
        self.assertEqual(task.headline({"ari_fg": 0.0, "loss": 1.0, "slot_usage": [1.0]}), ("-loss", -1.0))


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
        self.assertTrue(evaluate_run.table(result).startswith("1 image of folder (test), step 2, "))

    def test_the_protocol_is_the_first_test_images_after_filtering(self):
        result, path, _ = evaluate_run.evaluate_run(self.root / "run", num_examples=5, changes={"min_objects": 3})
        self.assertEqual((path.name, result["scores"]["num_images"]), ("evaluation_min3_n5.json", 5))
        self.assertEqual(result["filters"], {"min_objects": 3, "max_objects": 0, "exclude_objects": "",
                                             "require_objects": ""})
        data = dataclasses.replace(runs.experiment().data, min_objects=3)
        source = sources.open_source(data)
        first = pipeline.EvaluationInput(source, data, "test", 320, 4).examples(5)
        kept = np.flatnonzero(source.object_counts("test") >= 3)[:5]
        np.testing.assert_array_equal(first["image"], source.batch(source.read("test", kept))["image"])

    def test_other_data_than_in_training_is_refused(self):
        other = self.root / "other"
        data = config.DataConfig(dataset="colored_shapes", dataset_config="tiny", data_dir=str(other))
        prepared.prepare_dataset(data, split_sizes={"train": 64, "validation": 16, "test": 5})
        with self.assertRaisesRegex(UserError, "was trained on other data"):
            evaluate_run.evaluate_run(self.root / "run", data_dir=str(other))

    def test_no_run(self):
        with self.assertRaisesRegex(UserError, "holds no run"):
            evaluate_run.evaluate_run(self.root / "none")


class OtherDataTest(unittest.TestCase):
    """A model that was trained on coloured sprites on a coloured background, scored on others."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.root = pathlib.Path(temporary.name)
        sets = [("multi_dsprites", "colored_on_colored"), ("multi_dsprites", "colored_on_grayscale"),
                ("tetrominoes", "")]
        for dataset, variant in sets:
            prepared.prepare_dataset(config.DataConfig(
                dataset=dataset, dataset_variant=variant, dataset_config="tiny", data_dir=str(cls.root)),
                split_sizes={"train": 8, "validation": 4, "test": 9})
        experiment = runs.experiment(num_steps=2, batch_size=4, data_dir=str(cls.root), dataset="multi_dsprites",
                                     dataset_variant="colored_on_colored")
        with contextlib.redirect_stdout(io.StringIO()):
            launch.train(experiment, cls.root / "run")

    def evaluate(self, **changes):
        """Scores the run on other data."""
        return evaluate_run.evaluate_run(self.root / "run", changes=changes)

    def test_another_variant(self):
        result, path, picture = self.evaluate(dataset_variant="colored_on_grayscale")
        stem = "evaluation_multi_dsprites_colored_on_grayscale_tiny"
        self.assertEqual((path.name, picture.name), (f"{stem}.json", f"{stem}.png"))
        self.assertEqual(result["data"], "multi_dsprites/colored_on_grayscale/tiny")
        self.assertEqual((result["split"], result["scores"]["num_images"]), ("test", 9))
        self.assertEqual(result["data_fingerprint"]["config"], "colored_on_grayscale_tiny")
        trained = run_directory.read_run(self.root / "run").fingerprint
        self.assertEqual(trained["config"], "colored_on_colored_tiny")
        self.assertNotEqual(result["data_fingerprint"]["sha256"], trained["sha256"])
        self.assertEqual(json.loads(path.read_text()), result)

    def test_what_other_data_must_have(self):
        with self.assertRaisesRegex(UserError, r"trained on images of shape \(64, 64, 3\), but tetrominoes/tiny has "
                                    r"\(35, 35, 3\); choose another data set, or .*--image_size"):
            self.evaluate(dataset="tetrominoes")
        with self.assertRaisesRegex(UserError, "is not prepared in .*; run `python -m tfobj.prepare"):
            self.evaluate(dataset_variant="binarized")
        with self.assertRaisesRegex(UserError, "'gray' is no variant of multi_dsprites"):
            self.evaluate(dataset_variant="gray")

    def test_filters_go_into_the_file_names(self):
        trained = runs.experiment().data
        for changes, expected in (
                ({"min_objects": 7, "max_objects": 9}, "_min7_max9"),
                ({"exclude_objects": "shape:sphere,color:green"}, "_without_shape-sphere-color-green"),
                ({"require_objects": "shape:sphere,color:green"}, "_with_shape-sphere-color-green"),
                ({"sequence_frames": 1, "splits": "stored"}, "_splits_stored_frames1"),
                ({"dataset": "tetrominoes", "image_size": "64"}, "_tetrominoes_tiny_size64"),
                ({"data_dir": "elsewhere"}, "")):
            self.assertEqual(evaluation_data.suffix(trained, dataclasses.replace(trained, **changes)), expected)
        self.assertEqual(evaluation_data.suffix(dataclasses.replace(trained, max_objects=6), trained), "_max0")
