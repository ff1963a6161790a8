"""Masks by stick-breaking, their divergence, and the clip that lets gradients pass."""

import unittest

import numpy as np
import tensorflow as tf

from tfobj.ops import stick_breaking
from tfobj.ops.scales import posterior_scale, prior_scale


class StickBreakingTest(unittest.TestCase):
    def test_clip_has_the_gradient_of_the_identity(self):
        value = tf.constant([-1.0, 0.3, 2.0])
        with tf.GradientTape() as tape:
            tape.watch(value)
            clipped = stick_breaking.straight_through_clip(value, 0.0, 1.0)
            loss = tf.reduce_sum(clipped * [1.0, 2.0, 3.0])
        np.testing.assert_allclose(clipped, [0.0, 0.3, 1.0], atol=1e-7)
        np.testing.assert_array_equal(tape.gradient(loss, value), [1.0, 2.0, 3.0])

    def test_masks_of_logits_in_closed_form(self):
        logits = np.random.default_rng(0).normal(0, 3, (2, 3, 4, 5))
        masks, scopes = stick_breaking.log_masks_of_logits(tf.constant(logits))
        share, left = 1 / (1 + np.exp(-logits)), np.ones((2, 4, 5))
        for k in range(3):
            np.testing.assert_allclose(np.exp(scopes[:, k]), left, rtol=1e-6)
            np.testing.assert_allclose(np.exp(masks[:, k]), left * share[:, k], rtol=1e-6)
            left = left * (1 - share[:, k])
        np.testing.assert_allclose(np.exp(masks[:, 3]), left, rtol=1e-6)

    def test_divergence_is_zero_for_equal_and_finite_for_disjoint_masks(self):
        first = np.zeros((1, 3, 4, 4), np.float32)
        first[:, 0] = 1.0
        np.testing.assert_array_equal(stick_breaking.mask_divergence(first, first), [0.0])
        divergence = float(stick_breaking.mask_divergence(first, first[:, ::-1].copy())[0])
        self.assertAlmostEqual(divergence / (16 * np.log(1e5)), 1.0, places=3)

    def test_slots_that_do_not_exist_take_no_part_in_the_divergence(self):
        masks = np.random.default_rng(0).dirichlet(np.ones(3), (2, 4, 4)).transpose(0, 3, 1, 2).astype(np.float32)
        others = np.roll(masks, 1, axis=1)
        padded = [np.concatenate([value, np.zeros((2, 2, 4, 4), np.float32)], axis=1) for value in (masks, others)]
        valid = np.arange(5)[None] < np.array([[3], [3]])
        np.testing.assert_allclose(stick_breaking.mask_divergence(*padded, valid),
                                   stick_breaking.mask_divergence(masks, others), rtol=1e-6)

    def test_scales(self):
        np.testing.assert_allclose(posterior_scale(np.float32([0.0, -100.0])), [np.log1p(np.exp(0.5)), 1e-8], rtol=1e-5)
        np.testing.assert_allclose(prior_scale(np.float32([0.0, -100.0, 50.0])), [0.98211379, 1e-4, 1.0001], rtol=1e-5)


if __name__ == "__main__":
    unittest.main()
