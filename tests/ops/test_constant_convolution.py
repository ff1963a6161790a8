"""The convolution of a constant map equals the library's on the map itself, gradients included."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tfobj.ops.constant_convolution import conv_of_constant

CASES = (((3, 3), (6, 8)), ((5, 5), (7, 5)), ((5, 3), (9, 4)), ((4, 2), (5, 6)), ((5, 5), (3, 1)), ((1, 1), (2, 3)))


def conv_of_map(vectors, kernel, size):
    """The same by the definition."""
    canvas = tf.tile(vectors[:, None, None], (1, *size, 1))  # [N,H,W,Z]
    return keras.ops.conv(canvas, kernel, padding="same", data_format="channels_last")


class ConstantConvolutionTest(unittest.TestCase):
    def test_values_and_gradients(self):
        generator = np.random.default_rng(0)
        for kernel_size, size in CASES:
            with self.subTest(kernel_size=kernel_size, size=size):
                vectors = tf.constant(generator.normal(size=(3, 4)))
                kernel = tf.constant(generator.normal(size=(*kernel_size, 4, 2)))
                results = []
                for function in (conv_of_constant, conv_of_map):
                    with tf.GradientTape() as tape:
                        tape.watch([vectors, kernel])
                        outputs = function(vectors, kernel, size)
                        loss = tf.reduce_sum(tf.sin(outputs))
                    results.append([outputs, *tape.gradient(loss, [vectors, kernel])])
                for actual, expected in zip(*results, strict=True):
                    self.assertEqual(actual.dtype, tf.float64)
                    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


if __name__ == "__main__":
    unittest.main()
