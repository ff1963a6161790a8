"""What the entries of an object's latent mean."""

import unittest

import numpy as np
import tensorflow as tf

from tfobj.ops.object_latents import object_boxes
from tfobj.ops.object_latents import split_latents
from tfobj.ops.resampling import paint_glimpses

RANGE = (1.3, 24.0)


class SplitLatentsTest(unittest.TestCase):
    def test_two_scales(self):
        latents = np.array([[[0.5, -3.0, 0.0, np.log(3.0), 2.0, 7.0, 8.0]]], np.float32)
        parts = split_latents(latents, 2, RANGE)
        np.testing.assert_allclose(parts["positions"], [[[0.5, -1.0]]])
        np.testing.assert_allclose(parts["inverse_scales"], [[[12.65, 1.3 + 22.7 * 0.75]]], rtol=1e-6)
        np.testing.assert_allclose(parts["activations"], [[2.0]])
        np.testing.assert_allclose(parts["appearance"], [[[7.0, 8.0]]])

    def test_one_scale_is_that_of_both_sides(self):
        latents = np.array([[[0.5, 3.0, 0.0, 2.0, 7.0, 8.0]]], np.float32)
        parts = split_latents(latents, 1, RANGE)
        np.testing.assert_allclose(parts["inverse_scales"], [[[12.65, 12.65]]], rtol=1e-6)
        np.testing.assert_allclose(parts["activations"], [[2.0]])
        np.testing.assert_allclose(parts["appearance"], [[[7.0, 8.0]]])

    def test_the_released_code_reads_the_activation_elsewhere(self):
        latents = np.array([[[0.5, 3.0, 0.0, 2.0, 7.0, 8.0]]], np.float32)
        parts = split_latents(latents, 1, RANGE, reference_activation=True)
        np.testing.assert_allclose(parts["activations"], [[7.0]])
        np.testing.assert_allclose(parts["appearance"], [[[7.0, 8.0]]])

    def test_scales_reach_their_limits(self):
        latents = np.zeros((1, 2, 7), np.float32)
        latents[0, :, 2:4] = [[-200.0], [200.0]]
        np.testing.assert_allclose(split_latents(latents, 2, RANGE)["inverse_scales"], [[[1.3] * 2, [24.0] * 2]])

    def test_positions_outside_have_no_gradient(self):
        latents = tf.constant([[[1.5, 0.5, 0.0, 0.0, 1.0]]])
        with tf.GradientTape() as tape:
            tape.watch(latents)
            positions = split_latents(latents, 1, RANGE)["positions"]
        np.testing.assert_array_equal(tape.gradient(positions, latents)[0, 0, :2], [0.0, 1.0])


class ObjectBoxesTest(unittest.TestCase):
    def test_boxes_are_where_the_pictures_are_painted(self):
        positions, scales = np.array([[0.25, -0.5]], np.float32), np.array([[4.0, 2.0]], np.float32)
        box = np.asarray(object_boxes(positions, scales))[0]
        painted = np.asarray(paint_glimpses(np.ones((1, 8, 8, 4), np.float32), positions, scales, (32, 64)))[0, ..., 3]
        rows, columns = (np.flatnonzero(painted.max(axis=axis)) for axis in (1, 0))
        np.testing.assert_allclose(box * [32, 64, 32, 64], [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], atol=1.0)
        np.testing.assert_allclose(box, [0.0, 0.5, 0.5, 0.75])

    def test_boxes_end_at_the_image(self):
        box = np.asarray(object_boxes(np.array([[1.0, -1.0]], np.float32), np.array([[2.0, 1.3]], np.float32)))[0]
        np.testing.assert_allclose(box, [0.0, 0.75, 0.5 / 1.3, 1.0], rtol=1e-6)
