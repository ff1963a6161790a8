"""Bilinear resampling against its definition, Keras' own, and finite differences."""

import unittest

import numpy as np
import tensorflow as tf
from keras import ops

from tfobj.ops.resampling import interpolation_weights, paint_glimpses, resize_bilinear

SIZE = (10, 14)


def pictures(count=2, shape=(6, 5, 3)):
    return np.random.default_rng(0).uniform(size=(count, *shape))


class PaintGlimpsesTest(unittest.TestCase):
    positions = np.array([[0.3, -0.2], [-0.9, 0.55]])
    scales = np.array([[1.7, 2.3], [3.1, 1.4]])

    def test_equals_the_gathering_of_four_neighbours(self):
        glimpses = pictures()
        painted = paint_glimpses(glimpses, self.positions, self.scales, SIZE)
        rows, columns = np.meshgrid(*(2.0 * (np.arange(side) + 0.5) / side - 1.0 for side in SIZE), indexing="ij")
        for glimpse, (x, y), (across, down), canvas in zip(glimpses, self.positions, self.scales, painted):
            places = [((down * (rows - y) + 1.0) * glimpse.shape[0] - 1.0) / 2.0,
                      ((across * (columns - x) + 1.0) * glimpse.shape[1] - 1.0) / 2.0]
            for channel in range(3):
                expected = ops.image.map_coordinates(glimpse[..., channel], places, 1, "constant", 0.0)
                np.testing.assert_allclose(canvas[..., channel], expected, atol=1e-6)

    def test_gradients_equal_finite_differences(self):
        glimpses, weights = pictures(), np.random.default_rng(1).normal(size=(2, *SIZE, 3))
        arguments = [tf.constant(values) for values in (glimpses, self.positions, self.scales)]

        def scalar(*values):
            return tf.reduce_sum(paint_glimpses(*values, SIZE) * weights)

        with tf.GradientTape() as tape:
            tape.watch(arguments)
            value = scalar(*arguments)
        for index, gradient in enumerate(tape.gradient(value, arguments)):
            direction = np.random.default_rng(2).normal(size=gradient.shape)
            ends = []
            for sign in (1, -1):
                moved = list(arguments)
                moved[index] = arguments[index] + sign * 1e-6 * direction
                ends.append(float(scalar(*moved)))
            self.assertAlmostEqual((ends[0] - ends[1]) / 2e-6, float(np.sum(gradient * direction)), delta=1e-5)

    def test_a_shift_by_whole_pixels_shifts_the_picture(self):
        glimpses, scales = pictures(), np.full((2, 2), 4.0)
        middle = paint_glimpses(glimpses, np.zeros((2, 2)), scales, SIZE)
        shifted = paint_glimpses(glimpses, np.full((2, 2), [2.0 * 3 / SIZE[1], -2.0 * 2 / SIZE[0]]), scales, SIZE)
        np.testing.assert_allclose(shifted, np.roll(middle, (-2, 3), axis=(1, 2)), atol=1e-12)

    def test_the_box_has_the_side_that_the_scale_says(self):
        for scale, pixels in ((1.0, 32), (2.0, 16), (8.0, 4)):
            painted = paint_glimpses(np.ones((1, 16, 16, 1)), np.zeros((1, 2)), np.full((1, 2), scale), (32, 32))
            self.assertAlmostEqual(float(np.sum(painted[0, 16, :, 0])), pixels, delta=0.51)

    def test_outside_of_the_image_nothing_is_painted(self):
        painted = paint_glimpses(pictures(), np.full((2, 2), 1.0), np.full((2, 2), 24.0), SIZE)
        np.testing.assert_array_equal(painted[:, :5, :7], 0.0)

    def test_coordinates_are_float32_for_low_precision_glimpses(self):
        weights = interpolation_weights(tf.constant([0.3], tf.bfloat16), tf.constant([2.0], tf.bfloat16), 8, 8)
        self.assertEqual(weights.dtype, "float32")
        painted = paint_glimpses(tf.cast(pictures(), tf.bfloat16), self.positions, self.scales, SIZE)
        self.assertEqual(painted.dtype, "bfloat16")


class ResizeBilinearTest(unittest.TestCase):
    def test_equals_keras(self):
        maps = pictures().astype(np.float32)
        for size in ((6, 5), (12, 10), (13, 7), (24, 40)):
            expected = ops.image.resize(maps, size, "bilinear", antialias=False)
            np.testing.assert_allclose(resize_bilinear(tf.constant(maps), size), expected, atol=2e-6)

    def test_keeps_float64(self):
        self.assertEqual(resize_bilinear(tf.constant(pictures()), (9, 9)).dtype, "float64")
