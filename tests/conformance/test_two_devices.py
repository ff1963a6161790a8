"""A run on two devices equals a run on one, to float error."""

import unittest

import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import for_every_model, weights_of
from tfobj.training.step import step_noise

TOLERANCE = 2e-6
"""Largest difference of a weight after 20 steps of Adam; measured: 6e-8. Wrong scaling or clipping gives over 1e-4."""


def two_devices():
    """Two logical CPUs in one strategy, whose reductions are told apart from those of earlier strategies."""
    tf.distribute.MirroredStrategy._collective_key_base += 1000
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


class TwoDevicesTest(unittest.TestCase):
    @for_every_model
    def test_two_devices_equal_one(self, descriptor):
        step = dict(zip(("optimizer", "learning_rate"), descriptor.two_device_optimizer))
        one = training_runs.train(descriptor, 20, **step)
        two = training_runs.train(descriptor, 20, two_devices(), **step)
        self.assertEqual(helpers.largest_difference(one.initial, two.initial), 0.0)
        self.assertGreater(one.terms["gradient_norm"], training_runs.CLIP_NORM, "clipping must be active")
        for name, value in one.terms.items():
            np.testing.assert_allclose(two.terms[name], value, rtol=1e-4, atol=1e-4 * one.size_of_whole(name),
                                       err_msg=name)
        first, second = (descriptor.without_inert(weights_of(run.model)) for run in (one, two))
        self.assertGreater(helpers.largest_difference(first, one.initial), 1e-3)
        for name, value in first.items():
            self.assertLessEqual(np.abs(value - second[name]).max(), TOLERANCE, name)

    @for_every_model
    def test_two_devices_draw_different_rows_of_the_same_noise(self, descriptor):
        strategy, spec = two_devices(), descriptor.build().training_noise_spec(training_runs.GLOBAL_BATCH)

        def draw():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return step_noise(spec, 7, tf.constant(5, tf.int64), replica)(training_runs.GLOBAL_BATCH // 2)

        whole = step_noise(spec, 7, tf.constant(5, tf.int64), 0)(training_runs.GLOBAL_BATCH)
        drawn = tf.function(lambda: strategy.run(draw))()
        for name, value in drawn.items():
            first, second = strategy.experimental_local_results(value)
            self.assertGreater(np.abs(first - second).max(), 0.1, name)
            np.testing.assert_array_equal(np.concatenate([first, second]), whole[name], name)
