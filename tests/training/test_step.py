"""The training step: noise, clipping, many steps in one call."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import config
from tfobj import registry
from tfobj.noise import NoiseSpec
from tfobj.training import schedules
from tfobj.training.arrays import unit_range
from tfobj.training.step import TrainingStep, step_noise


class StepNoiseTest(unittest.TestCase):
    def draw(self, step, replica, local, replicas):
        spec = {"slots": NoiseSpec((local * replicas, 3, 4))}
        return step_noise(spec, 7, tf.constant(step, tf.int64), replica)(local)["slots"].numpy()

    def test_replicas_take_their_rows_of_the_global_draw(self):
        whole = self.draw(5, 0, 6, 1)
        np.testing.assert_array_equal(np.concatenate([self.draw(5, r, 2, 3) for r in range(3)]), whole)
        self.assertEqual(len(np.unique(whole)), whole.size)

    def test_every_step_has_its_own(self):
        self.assertGreater(np.abs(self.draw(5, 0, 6, 1) - self.draw(6, 0, 6, 1)).min(), 0.0)

    def test_it_is_standard_normal(self):
        sample = self.draw(0, 0, 4000, 1)
        self.assertAlmostEqual(float(sample.mean()), 0.0, delta=0.02)
        self.assertAlmostEqual(float(sample.std()), 1.0, delta=0.02)

    def test_unit_range(self):
        np.testing.assert_allclose(unit_range(tf.constant([0, 255], tf.uint8)), [0.0, 1.0])
        np.testing.assert_allclose(unit_range(tf.constant([0.25])), [0.25])


class TrainingStepTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.model = registry.build_model("slot_attention", helpers.slot_attention_config(), (8, 8, 3))
        self.images = helpers.images(4, (8, 8, 3))

    def step(self, clip_norm, learning_rate=1.0):
        settings = config.TrainConfig(optimizer="sgd", learning_rate=learning_rate, warmup_steps=0, decay="none")
        optimizer = schedules.make_optimizer(settings)
        optimizer.build(self.model.trainable_variables)
        return TrainingStep(self.model, optimizer, tf.distribute.get_strategy(), seed=0, clip_norm=clip_norm)

    def iterator(self, images=None):
        images = self.images if images is None else images
        return iter(tf.data.Dataset.from_tensors({"image": images}).repeat())

    def test_the_update_is_clipped_to_the_global_norm(self):
        before = [helpers.array(variable) for variable in self.model.trainable_variables]
        _, _, last = self.step(clip_norm=0.01).run(self.iterator(), 1)
        self.assertGreater(last["gradient_norm"], 0.01)
        squares = [np.sum((helpers.array(v) - b)**2) for v, b in zip(self.model.trainable_variables, before)]
        self.assertAlmostEqual(float(np.sqrt(sum(squares))), 0.01, delta=1e-5)

    def test_many_steps_in_one_call_equal_single_calls(self):
        start = self.model.get_weights()
        done, _, _ = self.step(0.1, 0.1).run(self.iterator(), 3)
        together = self.model.get_weights()
        self.model.set_weights(start)
        step = self.step(0.1, 0.1)
        iterator = self.iterator()
        for _ in range(3):
            step.run(iterator, 1)
        self.assertEqual(done, 3)
        for first, second in zip(together, self.model.get_weights()):
            np.testing.assert_array_equal(first, second)

    def test_it_stops_after_the_step_that_is_not_finite(self):
        batches = np.stack([self.images / np.float32(255)] * 5)
        batches[2, 0, 0, 0, 0] = np.nan
        iterator = iter(tf.data.Dataset.from_tensor_slices({"image": batches}))
        done, _, last = self.step(0.1, 0.1).run(iterator, 5)
        self.assertEqual(done, 3)
        self.assertTrue(np.isnan(last["loss"]))

    def test_the_mean_covers_the_steps_made(self):
        done, mean, last = self.step(0.0, 0.0).run(self.iterator(), 4)
        self.assertEqual(done, 4)
        self.assertEqual(set(mean), {"loss", "mse", "gradient_norm"})
        self.assertAlmostEqual(mean["loss"], 4.0 * mean["mse"], places=5)
        self.assertAlmostEqual(mean["loss"], last["loss"], delta=0.1)
