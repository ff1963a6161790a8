"""Warnings about runs that cannot end well."""

import unittest
from unittest import mock

import keras
import numpy as np

from tfobj.config import DataConfig, ExperimentConfig, SlotAttentionConfig, TrainConfig
from tfobj.errors import UserError
from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.models.slot_attention import SlotAttentionAutoencoder
from tfobj.tasks.object_discovery import ObjectDiscovery
from tfobj.training import guard_rails
from tfobj.training.health import is_healthy

TASK = ObjectDiscovery()


class GuardRailsTest(unittest.TestCase):
    scores = {"slot_usage": [1.0, 0.5, 0.2], "dead_slots": 0, "slots_alike": 0.2, "num_images": 10}

    def test_sequences_are_refused_by_models_of_single_pictures(self):
        data = DataConfig(dataset="objects_room", dataset_variant="sequences")
        experiment = ExperimentConfig("slot_attention", SlotAttentionConfig(), data, TrainConfig())
        with self.assertRaisesRegex(UserError, "data set objects_room/sequences has 16 frames per example; "
                                    "slot_attention takes single images; use --sequence_frames=1"):
            guard_rails.check_frames(experiment, data, 16)
        guard_rails.check_frames(experiment, data, 0)
        with mock.patch.object(SlotAttentionAutoencoder, "num_frames", 4):
            guard_rails.check_frames(experiment, data, 4)
            guard_rails.check_frames(experiment, data, 16)

    def test_models_of_sequences_refuse_short_ones_and_single_pictures(self):
        data = DataConfig(dataset="objects_room", dataset_variant="sequences")
        experiment = ExperimentConfig("slot_attention", SlotAttentionConfig(), data, TrainConfig())
        with mock.patch.object(SlotAttentionAutoencoder, "num_frames", 4):
            for num_frames, found in ((3, "has 3 frames per example"), (0, "has single images")):
                with self.assertRaisesRegex(UserError, f"{found}; slot_attention with .* takes sequences of 4"):
                    guard_rails.check_frames(experiment, data, num_frames)

    def test_normalisation_over_devices_cannot_be_compiled(self):
        model = keras.Sequential([keras.Input((4,)), BatchNormalization(name="norm")], name="net")
        with self.assertRaisesRegex(UserError, r"--jit_compile with 2 devices .* \(1 layers of net, such as norm\)"):
            guard_rails.check_compilation(model, True, 2)
        for allowed in ((model, True, 1), (model, False, 2), (keras.Sequential([keras.Input((4,))]), True, 2)):
            guard_rails.check_compilation(*allowed)

    def test_terms_that_are_too_large_or_no_numbers_end_the_run(self):
        limits = {"objective": (1e8, "max_objective")}
        healthy = {"loss": -3.0, "gradient_norm": 1.0, "objective": 1e8, "kl_l": 1e9}
        guard_rails.refuse_sick(4, healthy, limits, "ckpt-4.npz")
        self.assertTrue(is_healthy(healthy, limits))
        self.assertTrue(is_healthy(healthy, {}))
        for name, value, message in (
                ("objective", 1.5e8, "step 4: objective is 1.5e\\+08, above --max_objective=1e\\+08; the last good "
                 "checkpoint is ckpt-4.npz; lower --learning_rate, set --clip_norm, or raise --max_objective"),
                ("objective", np.inf, "objective is inf; .* or use --precision=float32"),
                ("objective", np.nan, "objective is nan; "), ("loss", np.nan, "loss is nan; "),
                ("gradient_norm", np.inf, "gradient_norm is inf; ")):
            sick = {**healthy, name: value}
            self.assertFalse(is_healthy(sick, limits), name)
            with self.assertRaisesRegex(UserError, message):
                guard_rails.refuse_sick(4, sick, limits, "ckpt-4.npz")

    def test_enough_slots(self):
        self.assertEqual(TASK.before_training(0, 7, "clevr"), [])
        self.assertEqual(TASK.before_training(3, 1, "clevr"), [])

    def test_too_few_slots(self):
        self.assertIn("use --num_slots=7", TASK.before_training(1, 6, "clevr")[0])

    def test_healthy_slots(self):
        self.assertEqual(TASK.after_validation(self.scores), [])

    def test_dead_slots_are_numbered(self):
        warnings = TASK.after_validation({**self.scores, "slot_usage": [1.0, 0.0, 0.0], "dead_slots": 2})
        self.assertIn("2 of 3 slots (number 1, 2)", warnings[0])

    def test_slots_that_all_do_the_same(self):
        self.assertEqual(TASK.after_validation({**self.scores, "active_slots": 0.1}), [])
        off = {"slot_usage": [1.0, 0.0, 0.0], "dead_slots": 2, "active_slots": 0.0}
        (warning,) = TASK.after_validation({**self.scores, **off})
        self.assertIn("no object is active: the background paints every pixel", warning)
        self.assertIn("similarity 0.97", TASK.after_validation({**self.scores, "slots_alike": 0.97})[0])
