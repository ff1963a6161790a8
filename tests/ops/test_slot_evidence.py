"""What a mixture says about each slot, against loops over slots in NumPy."""

import unittest

import numpy as np
from scipy import special
import tensorflow as tf

from tfobj.ops import slot_evidence
from tfobj.ops.competition import log_softmax
from tfobj.ops.distributions import mixture_log_likelihood


class ComponentPosteriorTest(unittest.TestCase):
    def test_share_of_the_densities_without_mixing_weights(self):
        log_densities = np.random.default_rng(0).normal(0.0, 2.0, size=(2, 3, 4, 5, 3))
        posterior = slot_evidence.component_posterior(tf.constant(log_densities))
        densities = np.exp(log_densities.sum(axis=-1))
        np.testing.assert_allclose(posterior, densities / (densities.sum(axis=1, keepdims=True) + 1e-6), rtol=1e-12)

    def test_a_pixel_that_no_slot_explains_belongs_to_none(self):
        log_densities = np.zeros((1, 2, 1, 2, 1))
        log_densities[:, :, :, 1] = -30.0
        posterior = slot_evidence.component_posterior(tf.constant(log_densities))
        np.testing.assert_allclose(posterior[0, :, 0, 0], [0.5, 0.5], rtol=1e-5)
        np.testing.assert_allclose(posterior[0, :, 0, 1], [0.0, 0.0], atol=1e-6)


class WithoutEachTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(1)
        self.logits = generator.normal(0.0, 3.0, size=(2, 4, 3, 2))
        self.log_densities = generator.normal(-5.0, 10.0, size=(2, 4, 3, 2, 3))

    def test_mixture_of_the_others_with_their_masks_renormalised(self):
        for joint_channels in (True, False):
            actual = slot_evidence.log_likelihood_without_each(
                tf.constant(self.logits), tf.constant(self.log_densities), joint_channels)
            for k in range(4):
                others = [j for j in range(4) if j != k]
                log_masks = special.log_softmax(self.logits[:, others], axis=1)
                expected = mixture_log_likelihood(log_masks, self.log_densities[:, others], joint_channels)
                np.testing.assert_allclose(actual[:, k], expected, rtol=1e-12)

    def test_exact_where_one_slot_has_all_the_mass(self):
        """log(1 - mask) would be minus infinity here."""
        self.logits[:, 0] = 80.0
        logits, log_densities = self.logits.astype(np.float32), self.log_densities.astype(np.float32)
        self.assertEqual(float(np.max(1.0 - np.exp(log_softmax(logits, 1)[:, 0]))), 0.0)
        actual = slot_evidence.log_likelihood_without_each(tf.constant(logits), tf.constant(log_densities), True)
        expected = mixture_log_likelihood(special.log_softmax(self.logits[:, 1:], axis=1),
                                          self.log_densities[:, 1:], True)
        np.testing.assert_allclose(actual[:, 0], expected, rtol=1e-5)


if __name__ == "__main__":
    unittest.main()
