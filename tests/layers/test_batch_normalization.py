"""Batch normalisation over all replicas."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.layers.batch_normalization import BatchNormalization


class BatchNormalizationTest(unittest.TestCase):
    inputs = np.random.default_rng(0).normal(1.0, 3.0, (4, 3, 5, 2)).astype(np.float32)

    def test_training_takes_the_statistics_of_the_batch(self):
        layer = BatchNormalization()
        outputs = layer(self.inputs, training=True)
        mean, variance = self.inputs.mean(axis=(0, 1, 2)), self.inputs.var(axis=(0, 1, 2))
        np.testing.assert_allclose(outputs, (self.inputs - mean) / np.sqrt(variance + 1e-5), atol=2e-6)
        np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, atol=1e-6)
        np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)
        expected = (self.inputs - layer.moving_mean) / np.sqrt(layer.moving_variance + 1e-5)
        np.testing.assert_allclose(layer(self.inputs), expected, atol=2e-6)
        twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        self.assertEqual(twin.get_config(), layer.get_config())

    def test_two_replicas_share_statistics(self):
        alone = BatchNormalization()
        expected = alone(self.inputs, training=True)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            layer = BatchNormalization()
            layer.build((None, None, None, 2))

        def halves(context):
            return tf.constant(self.inputs)[2 * context.replica_id_in_sync_group:][:2]

        batch = strategy.experimental_distribute_values_from_function(halves)
        outputs = tf.function(lambda: strategy.run(lambda half: layer(half, training=True), (batch,)))()
        outputs = np.concatenate(strategy.experimental_local_results(outputs))
        np.testing.assert_allclose(outputs, expected, atol=1e-6)
        for mine, theirs in zip(layer.non_trainable_variables, alone.non_trainable_variables):
            for value in strategy.experimental_local_results(mine.value):
                np.testing.assert_allclose(value, helpers.array(theirs), rtol=1e-6)
