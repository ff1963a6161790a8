"""The broadcast decoder with coordinates, its first convolution, and the initialisation of both."""

import math
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.layers.broadcast_convolution import BroadcastConvolution
from tfobj.layers.coordinate_broadcast_decoder import CoordinateBroadcastDecoder
from tfobj.layers.fan_in_truncated_normal import FanInTruncatedNormal
from tfobj.ops import coordinates

VECTORS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


class FanInTruncatedNormalTest(unittest.TestCase):
    def test_deviation_and_truncation(self):
        """A normal cut at two deviations has 0.8796 of its deviation, and nothing beyond."""
        for fan_in, shape, scale in ((None, (5, 5, 20, 400), math.sqrt(500)), (64, (200, 1000), 8.0)):
            values = helpers.array(FanInTruncatedNormal(fan_in, seed=1)(shape, "float32")) * scale
            self.assertAlmostEqual(values.std(), 0.8796, delta=0.005)
            self.assertTrue(1.9 < np.abs(values).max() <= 2.0)

    def test_unseeded_initializers_differ_and_follow_the_global_seed(self):
        keras.utils.set_random_seed(3)
        first, second = (helpers.array(FanInTruncatedNormal()((4, 4))) for _ in range(2))
        keras.utils.set_random_seed(3)
        np.testing.assert_array_equal(FanInTruncatedNormal()((4, 4)), first)
        self.assertGreater(np.abs(first - second).max(), 0.1)


class BroadcastConvolutionTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)

    def test_equals_a_convolution_of_the_broadcast_with_coordinates(self):
        size = (7, 9)
        for constant, activation in ((5.0, "elu"), (0.0, None)):
            layer = BroadcastConvolution(size, 3, 5, constant, activation)
            layer.build(VECTORS.shape)
            helpers.perturb(layer)
            convolution = keras.layers.Conv2D(3, 5, padding="same", activation=activation)
            parts = [np.tile(VECTORS[:, None, None], (1, *size, 1)), np.full((6, *size, 1), constant),
                     np.tile(coordinates.linear_grid(*size), (6, 1, 1, 1))]
            canvas = np.concatenate([part for part in parts if constant or part.shape[-1] != 1], axis=-1)
            convolution.build(canvas.shape)
            helpers.copy_weights(layer, convolution)
            expected = convolution(canvas.astype(np.float32))
            np.testing.assert_allclose(layer(VECTORS), expected, atol=1e-5)
            self.assertEqual(layer.compute_output_shape(VECTORS.shape), tuple(expected.shape))

    def test_without_a_border_equals_a_convolution_of_a_larger_broadcast(self):
        layer = BroadcastConvolution((5, 7), 3, 3, activation="relu", padding="valid")
        layer.build(VECTORS.shape)
        helpers.perturb(layer)
        convolution = keras.layers.Conv2D(3, 3, activation="relu")
        canvas = np.concatenate([np.tile(VECTORS[:, None, None], (1, 7, 9, 1)),
                                 np.tile(coordinates.linear_grid(7, 9), (6, 1, 1, 1))], axis=-1).astype(np.float32)
        convolution.build(canvas.shape)
        helpers.copy_weights(layer, convolution)
        np.testing.assert_allclose(layer(VECTORS), convolution(canvas), atol=1e-5)


class CoordinateBroadcastDecoderTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)

    def test_layer(self):
        arguments = {"image_size": (8, 6), "output_channels": 4, "filters": (5, 6), "kernel_size": 3, "constant": 5.0}
        count = (9 * 7 * 5 + 5) + (9 * 5 * 6 + 6) + (9 * 6 * 4 + 4)
        slots = VECTORS.reshape(2, 3, 4)
        helpers.run_layer_test(self, CoordinateBroadcastDecoder, arguments, slots, (2, 3, 8, 6, 4), count)

    def test_published_parameter_counts(self):
        """CLEVR6, Multi-dSprites, Tetrominoes."""
        for size, channels, kernel, latent, count in ((128, 64, 3, 64, 151_748), (64, 32, 5, 16, 95_332),
                                                      (35, 32, 5, 32, 108_132)):
            layer = CoordinateBroadcastDecoder((size, size), 4, (channels,) * 4, kernel, 5.0)
            layer.build((None, None, latent))
            self.assertEqual(helpers.count_parameters(layer), count)

    def test_every_slot_is_painted_alone(self):
        layer = CoordinateBroadcastDecoder((6, 5), 4, (5, 5))
        slots = VECTORS.reshape(2, 3, 4)
        canvas = helpers.array(layer(slots))
        for k in range(3):
            np.testing.assert_allclose(layer(slots[:, k:k + 1])[:, 0], canvas[:, k], atol=1e-6)

    def test_batch_and_slots_may_be_unknown(self):
        layer = CoordinateBroadcastDecoder((6, 5), 4, (5,))
        slots = VECTORS.reshape(2, 3, 4)
        traced = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 4))])
        np.testing.assert_allclose(traced(slots), layer(slots), atol=1e-6)


if __name__ == "__main__":
    unittest.main()
