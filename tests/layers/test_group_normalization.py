"""Group normalisation equals Keras', in fewer passes."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.layers.group_normalization import GroupNormalization


class GroupNormalizationTest(unittest.TestCase):
    def test_values_and_gradients_equal_keras(self):
        inputs = tf.constant(np.random.default_rng(0).normal(3.0, 2.0, (2, 5, 4, 12)))
        for groups in (1, 3, 12, -1):
            layers = [GroupNormalization(groups, dtype="float64"),
                      keras.layers.GroupNormalization(groups, epsilon=1e-5, dtype="float64")]
            results = []
            for layer in layers:
                layer.build(inputs.shape)
                helpers.perturb(layer)
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    outputs = layer(inputs)
                    loss = tf.reduce_sum(tf.sin(outputs))
                sources = [inputs, *(weight.value for weight in layer.trainable_variables)]
                results.append([outputs, *tape.gradient(loss, sources)])
            for actual, expected in zip(*results, strict=True):
                np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9, err_msg=str(groups))

    def test_layer(self):
        inputs = np.random.default_rng(1).normal(size=(2, 3, 5, 16)).astype(np.float32)
        helpers.run_layer_test(self, GroupNormalization, {"groups": 8}, inputs, inputs.shape, 32)

    def test_large_means_lose_no_digits(self):
        inputs = np.random.default_rng(2).normal(1000.0, 1.0, (1, 8, 8, 8)).astype(np.float32)
        exact = inputs.astype(np.float64)
        groups = exact.reshape(1, 8, 8, 2, 4)
        exact = (groups - groups.mean((1, 2, 4), keepdims=True)) / groups.std((1, 2, 4), keepdims=True)
        np.testing.assert_allclose(GroupNormalization(2)(inputs), exact.reshape(inputs.shape), atol=5e-4)


if __name__ == "__main__":
    unittest.main()
