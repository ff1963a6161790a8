"""Whole runs: resume, stops, records, refusals."""

import contextlib
import importlib.util
import io
import os
import pathlib
import signal
import tempfile
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.training import runs
from tfobj.errors import UserError
from tfobj.training import arrays
from tfobj.training import launch
from tfobj.training import trainer as trainers
from tfobj.training import run_directory
from tfobj.training.run_directory import load_run
from tfobj.training.step import TrainingStep


class TrainerTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        self.output = io.StringIO()

    def train(self, name, experiment=None):
        with contextlib.redirect_stdout(self.output):
            return launch.train(experiment or runs.experiment(), self.root / name)

    def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(self):
        self.train("whole", runs.experiment(num_steps=13))
        self.train("parts", runs.experiment(num_steps=6))
        self.train("parts", runs.experiment(num_steps=11, steps_per_loop=2))
        self.train("parts", runs.experiment(num_steps=13))
        self.assertIn("resuming at step 11", self.output.getvalue())
        whole, parts = runs.weights_of(self.root / "whole"), runs.weights_of(self.root / "parts")
        self.assertEqual(runs.largest_difference(whole, parts), 0.0)

    def test_sigterm_saves_and_the_same_command_goes_on(self):
        original = TrainingStep.run

        def run_and_be_stopped(step, iterator, num_steps):
            result = original(step, iterator, num_steps)
            os.kill(os.getpid(), signal.SIGTERM)
            return result

        with mock.patch.object(TrainingStep, "run", run_and_be_stopped):
            stopped = self.train("run")
        self.assertEqual(stopped["step"], 2)
        self.assertRegex(self.output.getvalue(), r"(?s)SIGTERM: stopping after this step, then saving\n.*"
                         r"stopped by SIGTERM at step 2; saved in")
        self.assertEqual(self.train("run")["step"], 10)
        self.train("whole")
        self.assertEqual(runs.largest_difference(runs.weights_of(self.root / "run"),
                                                 runs.weights_of(self.root / "whole")), 0.0)

    def test_a_value_that_is_not_finite_stops_the_run_and_names_the_last_good_checkpoint(self):
        self.train("run", runs.experiment(num_steps=5))
        before = runs.weights_of(self.root / "run")
        original = arrays.unit_range
        with mock.patch("tfobj.training.step.unit_range", lambda image: original(image) * np.nan):
            with self.assertRaisesRegex(UserError, r"stopped at step 5: loss is nan; .*ckpt-5"):
                self.train("run")
        self.assertEqual(runs.largest_difference(before, runs.weights_of(self.root / "run")), 0.0)

    def test_what_a_run_leaves_behind(self):
        with contextlib.redirect_stdout(self.output):
            scores = launch.train(runs.experiment(), self.root / "run", advise=True)
        directory = self.root / "run"
        self.assertEqual(self.output.getvalue().splitlines()[-1],
                         f"score it: python -m tfobj.evaluate --run_dir={directory}")
        lines = runs.records(directory)
        self.assertEqual([(line["step"], line["group"]) for line in lines],
                         [(5, "train"), (10, "train"), (10, "validation")])
        self.assertEqual(set(lines[0]) - {"step", "group"},
                         {"loss", "mse", "gradient_norm", "learning_rate", "images_per_second"})
        for name in ("ari", "ari_fg", "mse", "mask_entropy", "slots_alike", "dead_slots", "slot_usage"):
            self.assertEqual(lines[-1][name], scores[name])
        self.assertEqual(scores["num_images"], 6)
        self.assertEqual(load_run(directory).step, 10)
        self.assertEqual({path.name for path in (directory / "pictures").iterdir()},
                         {"slots-10.png", "attention-10.png"})
        tags = {"train": set(), "validation": set()}
        for group in tags:
            for path in (directory / "tensorboard" / group).iterdir():
                for event in tf.compat.v1.train.summary_iterator(str(path)):
                    tags[group].update(value.tag for value in event.summary.value)
        self.assertLessEqual({"loss", "mse", "gradient_norm", "learning_rate", "images_per_second", "configuration"},
                             tags["train"])
        self.assertLessEqual({"ari_fg", "mse", "slot_usage/0", "mask_entropy", "slots", "attention",
                              "_hparams_/session_start_info"}, tags["validation"])

    def test_without_tensorboard_there_are_lines_and_pictures(self):
        find = importlib.util.find_spec
        without = mock.patch("importlib.util.find_spec",
                             lambda name, *more: None if name == "tensorboard" else find(name, *more))
        with without:
            self.train("run")
        self.assertFalse((self.root / "run" / "tensorboard").exists())
        self.assertEqual(len(runs.records(self.root / "run")), 3)
        self.assertTrue((self.root / "run" / "pictures" / "slots-10.png").exists())

    def test_restored_weights_answer_like_the_trained_model(self):
        with contextlib.redirect_stdout(self.output):
            trainer = trainers.Trainer(runs.experiment(), self.root / "run")
            trainer.run()
        model = load_run(self.root / "run", "latest").model
        for variable, restored in zip(trainer.model.weights, model.weights):
            np.testing.assert_array_equal(variable.numpy(), restored.numpy(), variable.path)

    def test_a_finished_run_is_left_alone(self):
        self.train("run")
        before = (self.root / "run" / "metrics.jsonl").read_text()
        self.assertEqual(self.train("run")["step"], 10)
        self.assertEqual((self.root / "run" / "metrics.jsonl").read_text(), before)

    def test_lines_after_the_resumed_step_are_forgotten(self):
        self.train("run")
        with (self.root / "run" / "metrics.jsonl").open("a") as file:
            file.write('{"step": 12, "group": "train", "loss": 9}\n{"step": 14, "gro')
        self.train("run", runs.experiment(num_steps=15))
        self.assertEqual([line["step"] for line in runs.records(self.root / "run")], [5, 10, 10, 15, 15])

    def test_a_second_process_in_the_same_directory_is_refused(self):
        self.train("run", runs.experiment(num_steps=1))
        lock = run_directory.lock_run(self.root / "run")
        self.addCleanup(lock.close)
        with self.assertRaisesRegex(UserError, "another process is training"):
            self.train("run")

    def test_a_run_that_cannot_start_leaves_nothing(self):
        cases = (({"decoder_broadcast_size": 5}, "cannot reach the image size"), ({}, "training examples are"))
        for change, message in cases:
            with self.assertRaisesRegex(UserError, message):
                self.train("run", runs.experiment(change, batch_size=8 if change else 1000))
            self.assertFalse((self.root / "run").exists())

    def test_too_few_slots_are_warned_about_and_recorded(self):
        scores = self.train("run", runs.experiment({"num_slots": 2}, num_steps=1))
        self.assertEqual(scores["missing_slots"], 2)
        self.assertIn("num_slots=2, but colored_shapes shows up to 3 objects and a background", self.output.getvalue())

    def test_batches_that_devices_cannot_share(self):
        with self.assertRaisesRegex(UserError, "--batch_size=7 cannot be shared by 2 devices"):
            self.train("run", runs.experiment(batch_size=7, strategy="mirrored", num_devices=2))

    def test_more_devices_than_there_are(self):
        with self.assertRaisesRegex(UserError, "--num_devices=64 but this machine has"):
            self.train("run", runs.experiment(batch_size=64, strategy="mirrored", num_devices=64))

    def test_multi_worker_without_a_cluster(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("TF_CONFIG", None)
            with self.assertRaisesRegex(UserError, "needs the environment variable TF_CONFIG"):
                self.train("run", runs.experiment(strategy="multi_worker"))
            os.environ["TF_CONFIG"] = "{}"
            with self.assertRaisesRegex(UserError, "TF_CONFIG is not what"):
                self.train("run", runs.experiment(strategy="multi_worker"))

    def test_training_on_two_devices_resumes_on_one(self):
        self.train("run", runs.experiment(num_steps=5, strategy="mirrored", num_devices=2))
        self.assertEqual(self.train("run", runs.experiment(num_steps=7))["step"], 7)
        self.assertIn("on 2 logical CPUs", self.output.getvalue())
        self.assertIn("resuming at step 5", self.output.getvalue())
