"""Shares of layers in pixels."""

import unittest

import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.layers.activation_occlusion import ActivationOcclusion

SIZE = (4, 6)


def scene(seed=0):
    generator = np.random.default_rng(seed)
    masks = np.maximum(generator.uniform(-0.5, 1.0, (2, 3, *SIZE)), 0.0).astype(np.float32)
    return generator.normal(10.0, 2.0, (2, 3)).astype(np.float32), masks


class ActivationOcclusionTest(unittest.TestCase):
    def test_equals_the_definition(self):
        activations, masks = scene()
        for per_pixel in (False, True):
            layer = ActivationOcclusion(SIZE, initial_background=9.0, per_pixel=per_pixel)
            layer(activations, masks)
            helpers.perturb(layer)
            background = helpers.array(layer.background) + (helpers.array(layer.local) if per_pixel else 0.0)
            shares = np.concatenate([np.broadcast_to(np.exp(background), (2, 1, *SIZE)),
                                     np.exp(activations)[..., None, None] * masks], axis=1)
            shares /= shares.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(layer(activations, masks), shares, atol=1e-6)
            self.assertEqual(helpers.count_parameters(layer), 1 + per_pixel * 24)

    def test_the_background_fills_what_no_mask_covers(self):
        layer = ActivationOcclusion(SIZE)
        shares = layer(np.full((1, 2), 50.0, np.float32), np.zeros((1, 2, *SIZE), np.float32))
        np.testing.assert_array_equal(shares[:, 0], 1.0)
        np.testing.assert_array_equal(shares[:, 1:], 0.0)

    def test_extreme_activations_are_finite(self):
        _, masks = scene()
        layer = ActivationOcclusion(SIZE)
        for value in (-200.0, 200.0, 1e4):
            activations = tf.constant([[value, 3.0, -value]] * 2)
            with tf.GradientTape() as tape:
                tape.watch(activations)
                shares = layer(activations, masks)
                loss = tf.reduce_sum(shares * np.arange(4.0, dtype=np.float32)[None, :, None, None])
            self.assertTrue(np.isfinite(tape.gradient(loss, activations)).all())
            np.testing.assert_allclose(np.sum(shares, axis=1), 1.0, atol=1e-6)

    def test_a_masked_slot_does_not_push_out_what_is_there(self):
        """A large activation where the mask is 0 must not make the shares of the others underflow."""
        masks = np.zeros((1, 2, *SIZE), np.float32)
        masks[0, 1] = 0.5
        shares = ActivationOcclusion(SIZE)(np.array([[300.0, 12.0]], np.float32), masks)
        expected = 0.5 * np.exp(1.0) / (1.0 + 0.5 * np.exp(1.0))
        np.testing.assert_allclose(shares[0, 2], expected, rtol=1e-5)
