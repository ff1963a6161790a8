"""Training of models that predict sets, with targets from files and from memory, on both backends; their scores."""

import contextlib
import dataclasses
import importlib.util
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from PIL import Image

from tests.training import runs
from tfobj import config
from tfobj import set_prediction_config as configs
from tfobj.analysis import options
from tfobj.analysis.run_analysis import run_analysis
from tfobj.data import prepared
from tfobj.errors import UserError
from tfobj.metrics import average_precision
from tfobj.metrics import reference
from tfobj.training import evaluate_run
from tfobj.training import launch
from tfobj.training.opened_run import OpenedRun, Settings

SIZES = {"train": 12, "validation": 4, "test": 12}
ENCODER = {"slot_size": 8, "encoder_channels": 6, "encoder_strides": (2, 2), "head_hidden_size": 8}
MODELS = {
    "slot_attention_properties": configs.SlotAttentionPropertiesConfig(**ENCODER, num_iterations=2, mlp_hidden_size=8),
    "slot_mlp_properties": configs.SlotMlpPropertiesConfig(**ENCODER, slot_mlp_sizes=(16,)),
}


def silent(verb, noun):
    """A countdown that says nothing."""
    del verb, noun
    return lambda done, total: None


class SetTrainingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.root = pathlib.Path(directory.name)
        cls.data = config.DataConfig(dataset="clevr_properties", dataset_config="tiny", image_size="16",
                                     data_dir=str(cls.root / "data"))
        with contextlib.redirect_stdout(io.StringIO()):
            prepared.prepare_dataset(cls.data, split_sizes=SIZES)
        cls.train("slot_attention_properties", "run")

    @classmethod
    def experiment(cls, model, num_steps=4, **data):
        """An experiment of a few steps."""
        train = config.TrainConfig(num_steps=num_steps, batch_size=4, learning_rate=1e-3, warmup_steps=0, decay="none",
                                   validate_every=4, picture_every=4, checkpoint_every=2, validation_examples=4,
                                   eval_batch_size=3, log_every=1, strategy="one_device")
        return config.ExperimentConfig(model, MODELS[model], dataclasses.replace(cls.data, **data), train)

    @classmethod
    def train(cls, model, name, **changes):
        """Trains a model in the directory `name`; returns its scores and what it said."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            scores = launch.train(cls.experiment(model, **changes), cls.root / name)
        return scores, said.getvalue()

    def test_targets_from_memory_are_those_from_files(self):
        self.train("slot_attention_properties", "memory", input="memory")
        first, second = (runs.weights_of(self.root / name) for name in ("run", "memory"))
        self.assertLess(runs.largest_difference(first, second), 1e-6)

    def test_a_run_records_scores_and_pictures(self):
        last = runs.records(self.root / "run")[-1]
        self.assertEqual((last["group"], last["step"]), ("validation", 4))
        self.assertLessEqual({"ap_inf", "ap_0.125", "ap_mean", "loss", "attention_ari_fg"}, set(last))
        pictures = {path.name for path in (self.root / "run" / "pictures").iterdir()}
        self.assertEqual(pictures, {"objects-4.png", "attention-4.png"})

    @unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
    def test_jax_goes_on_with_a_run_as_tensorflow_does(self):
        self.train("slot_mlp_properties", "here", num_steps=2)  # it draws no noise, which the backends draw differently
        shutil.copytree(self.root / "here", self.root / "there")
        longer = self.experiment("slot_mlp_properties", num_steps=4)
        self.train("slot_mlp_properties", "here")
        worker = subprocess.run(
            [sys.executable, "-m", "tfobj.train", f"--run_dir={self.root}/there", *runs.flags_of(longer)],
            cwd=runs.ROOT, capture_output=True, text=True, check=False, timeout=600,
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"})
        self.assertEqual(worker.returncode, 0, worker.stderr[-2000:])
        self.assertIn("resuming at step 2", worker.stdout)
        first, second = (runs.weights_of(self.root / name) for name in ("here", "there"))
        weights = {name: value for name, value in first.items() if name.startswith("model/")}
        self.assertLess(runs.largest_difference(weights, {name: second[name] for name in weights}), 1e-5)
        here, there = (runs.records(self.root / name)[-1] for name in ("here", "there"))
        self.assertAlmostEqual(here["loss"], there["loss"], places=5)

    def test_scores_do_not_depend_on_the_batch_size(self):
        first, second = (evaluate_run.evaluate_run(self.root / "run", batch_size=size)[0]["scores"] for size in (5, 12))
        for name, value in first.items():
            self.assertAlmostEqual(value, second[name], places=5, msg=name)
        self.assertEqual(first["num_images"], 12)

    def test_the_attention_is_scored_on_the_masks_of_another_data_set(self):
        changes = {"dataset": "clevr_masks", "dataset_variant": "clevr10", "image_size": "16"}
        data = dataclasses.replace(self.data, **changes)
        with contextlib.redirect_stdout(io.StringIO()):
            prepared.prepare_dataset(data, split_sizes={"train": 1, "validation": 1, "test": 4})
        result, path, _ = evaluate_run.evaluate_run(self.root / "run", changes=changes)
        self.assertEqual(path.name, "evaluation_clevr_masks_clevr10_tiny.json")
        opened = OpenedRun(Settings(self.root / "run", changes=changes))
        batch = opened.examples.examples(4)
        self.assertEqual((batch["mask"].shape, batch["frame_mask"].shape), ((4, 16, 16), (4, 128, 128)))
        attention = np.asarray(opened.outputs(batch["image"], range(4))["attention"])[:, -1]  # [B,K,4,4]
        true = batch["frame_mask"][:, 16::32, 16::32]
        expected = [reference.adjusted_rand_index(labels, slots.argmax(axis=0), 11, 10, ignore_background=True)
                    for labels, slots in zip(true, attention)]
        self.assertAlmostEqual(result["scores"]["attention_ari_fg"], float(np.mean(expected)), places=5)

    def test_precision_by_iterations_and_objects(self):
        result, table, _, picture = run_analysis("precision", options.PrecisionOptions((1, 2)), silent,
                                                 self.root / "run")
        opened = OpenedRun(Settings(self.root / "run"))
        counts = np.asarray(opened.source.object_counts("test"))
        self.assertEqual([row["num_iterations"] for row in result["iterations"]], [1, 2])
        row, per_image = result["iterations"][0], opened.scores(num_iterations=1)["per_image"]
        expected = average_precision.average_precision(per_image["predictions"], per_image["targets"])
        np.testing.assert_allclose(list(row["scores"].values()), expected, atol=1e-6)
        for part in row["by_objects"]:
            chosen = counts == part["num_objects"]
            self.assertEqual(part["num_images"], chosen.sum())
            expected = average_precision.average_precision(*(per_image[name][chosen]
                                                             for name in ("predictions", "targets")))
            np.testing.assert_allclose(list(part["scores"].values()), expected, atol=1e-6)
        self.assertNotEqual(row["by_objects"], result["iterations"][1]["by_objects"])
        self.assertIn("1 iterations", table)
        with Image.open(picture) as image:
            self.assertGreater(np.asarray(image).std(), 10.0)

    def test_precision_of_scenes_with_as_many_objects_as_slots(self):
        counts = OpenedRun(Settings(self.root / "run")).source.object_counts("test")
        numbers = tuple(int(number) for number in np.unique(counts)[:2])
        result, _, path, _ = run_analysis("objects", options.ObjectsOptions(numbers), silent, self.root / "run")
        self.assertEqual([(row["num_objects"], row["num_images"]) for row in result["objects"]],
                         [(number, int((counts == number).sum())) for number in numbers])
        scores = evaluate_run.evaluate_run(
            self.root / "run", num_slots=numbers[1],
            changes={"min_objects": numbers[1], "max_objects": numbers[1]})[0]["scores"]
        self.assertAlmostEqual(result["objects"][1]["scores"]["ap_inf"], scores["ap_inf"], places=6)

    def test_iterations_are_those_of_the_paper_unless_chosen(self):
        result, *_ = run_analysis("precision", options.PrecisionOptions(), silent, self.root / "run", num_examples=2)
        self.assertEqual([row["num_iterations"] for row in result["iterations"]], [2, 3, 4, 5, 6])

    def test_models_with_a_fixed_number_of_slots_say_what_they_can_do(self):
        self.train("slot_mlp_properties", "fixed", num_steps=1)
        with self.assertRaisesRegex(UserError, "--analysis=objects takes 6 slots for scenes with 6 objects, but this "
                                               "model has learned exactly 10 slots; use --object_counts=10"):
            run_analysis("objects", options.ObjectsOptions(), silent, self.root / "fixed")

    def test_flags_that_contradict_these_analyses_are_named(self):
        for name, chosen, settings, message in (
                ("precision", options.PrecisionOptions(), {"num_iterations": 3}, "use --test_iterations"),
                ("objects", options.ObjectsOptions(), {"num_slots": 3}, "as many slots as objects; leave it out")):
            with self.assertRaisesRegex(UserError, message):
                run_analysis(name, chosen, silent, self.root / "run", **settings)
        with self.assertRaisesRegex(UserError, "--analysis=slots needs masks and reconstruction"):
            run_analysis("slots", options.SlotsOptions(), silent, self.root / "run")

    def test_fewer_slots_than_objects_are_remarked(self):
        experiment = self.experiment("slot_mlp_properties", num_steps=1)
        experiment = dataclasses.replace(experiment, model_config=dataclasses.replace(experiment.model_config,
                                                                                      num_slots=6))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            launch.train(experiment, self.root / "few")
        self.assertIn("warning: num_slots=6, but clevr_properties shows up to 10 objects", said.getvalue())

    def test_data_without_these_properties_are_refused(self):
        data = runs.experiment().data
        experiment = dataclasses.replace(self.experiment("slot_attention_properties"), data=data)
        with self.assertRaisesRegex(UserError, "--model=slot_attention_properties learns from the size, .*; use "
                                               "--dataset=clevr_properties"):
            launch.train(experiment, self.root / "refused")
        self.assertFalse((self.root / "refused").exists())
