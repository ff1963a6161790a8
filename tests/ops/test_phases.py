"""Transposed convolution by phases equals the library's, gradients included."""

import unittest

import numpy as np
import tensorflow as tf
from keras import ops

from tfobj.layers.transposed_convolution import TransposedConvolution
from tfobj.ops import phases

CASES = (((5, 5), (2, 2)), ((3, 3), (1, 1)), ((4, 4), (2, 2)), ((5, 3), (3, 2)), ((2, 2), (2, 2)), ((5, 4), (4, 1)),
         ((6, 6), (4, 4)))


class PhasesTest(unittest.TestCase):

    def test_values_and_gradients(self):
        rng = np.random.default_rng(0)
        for kernel_size, strides in CASES:
            with self.subTest(kernel_size=kernel_size, strides=strides):
                inputs = tf.constant(rng.standard_normal((2, 5, 4, 3)))
                kernel = tf.constant(rng.standard_normal((*kernel_size, 2, 3)))
                results = []
                for function in (phases.conv_transpose_by_phases, lambda *arguments: ops.conv_transpose(
                        *arguments, padding="same", data_format="channels_last")):
                    with tf.GradientTape() as tape:
                        tape.watch([inputs, kernel])
                        outputs = function(inputs, kernel, strides)
                        loss = tf.reduce_sum(tf.sin(outputs))
                    results.append([outputs, *tape.gradient(loss, [inputs, kernel])])
                for actual, expected in zip(*results):
                    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)

    def test_kernels_shorter_than_the_stride_are_left_to_the_library(self):
        self.assertTrue(phases.covers_strides((2, 5), (2, 1)))
        self.assertFalse(phases.covers_strides((2, 5), (3, 1)))


class LayerTest(unittest.TestCase):

    def test_both_ways_have_the_same_weights_and_results(self):
        layer = TransposedConvolution(4, 5, 2, activation="relu", name="layer")
        inputs = np.random.default_rng(1).standard_normal((2, 3, 3, 6)).astype(np.float32)
        expected = layer(inputs)
        self.assertFalse(layer.by_phases)  # TensorFlow has a fast kernel
        layer.bias.assign(np.arange(4) - 2.0)
        expected = layer(inputs)
        layer.by_phases = True
        np.testing.assert_allclose(layer(inputs), expected, rtol=1e-5, atol=1e-6)
        again = TransposedConvolution.from_config(layer.get_config())
        again.build(inputs.shape)
        self.assertEqual([tuple(w.shape) for w in again.weights], [tuple(w.shape) for w in layer.weights])

    def test_mirrored_layer_is_aligned_as_pytorch(self):
        """Tap t of cell i lands on 2 i + t - 2: padding 2 and output padding 1 of a 5x5 kernel."""
        taps = np.arange(1.0, 26.0).reshape(5, 5)
        layer = TransposedConvolution(1, 5, 2, mirrored=True)
        layer.build((None, 6, 6, 1))
        layer.kernel.assign(taps[:, :, None, None])
        for by_phases in (False, True):
            layer.by_phases = by_phases
            for i, j in ((2, 3), (0, 5), (5, 0)):
                canvas = np.zeros((1, 6, 6, 1), np.float32)
                canvas[0, i, j] = 1.0
                painted = np.asarray(layer(canvas[:, ::-1, ::-1]))[0, ::-1, ::-1, 0]
                expected = np.zeros((18, 18))
                expected[2 * i + 2:2 * i + 7, 2 * j + 2:2 * j + 7] = taps  # in a frame of 4 before and 2 behind
                np.testing.assert_array_equal(painted, expected[4:16, 4:16])
        self.assertTrue(layer.get_config()["mirrored"])


if __name__ == "__main__":
    unittest.main()
