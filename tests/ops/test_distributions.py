"""Densities, mixtures and divergences against SciPy, quadrature and finite differences."""

import math
import unittest

import numpy as np
from scipy import integrate
from scipy import special
from scipy import stats
import tensorflow as tf

from tests import helpers
from tfobj.ops import distributions

SCIPY = {"normal": stats.norm, "logistic": stats.logistic}


class DensityTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(0)
        self.image = generator.uniform(size=(2, 4, 5, 3))
        self.mean = generator.uniform(-0.5, 1.5, size=(2, 3, 4, 5, 3))

    def test_float64_equals_scipy_also_far_in_the_tails(self):
        self.mean[0, 0, 0, 0, 0], self.mean[0, 1, 1, 1, 1] = 40.0, -40.0
        for density, reference in SCIPY.items():
            expected = reference.logpdf(self.image[:, None], self.mean, 0.03)
            actual = distributions.pixel_log_density(self.image, tf.constant(self.mean), 0.03, density)
            self.assertEqual(actual.dtype, tf.float64)
            np.testing.assert_allclose(actual, expected, rtol=1e-14)

    def test_bfloat16_is_computed_in_float32(self):
        mean = tf.cast(self.mean, tf.bfloat16)
        for density, reference in SCIPY.items():
            actual = distributions.pixel_log_density(self.image.astype(np.float32), mean, 0.03, density)
            expected = reference.logpdf(self.image[:, None], tf.cast(mean, tf.float64), 0.03)
            self.assertEqual(actual.dtype, tf.float32)
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)

    def test_image_with_a_slot_axis_and_scale_as_a_tensor(self):
        mean = tf.constant(self.mean)
        for density in SCIPY:
            expected = distributions.pixel_log_density(self.image, mean, 0.1, density)
            actual = distributions.pixel_log_density(self.image[:, None], mean, tf.constant(0.1, tf.float64), density)
            np.testing.assert_allclose(actual, expected, rtol=1e-14)

    def test_gradients_of_the_mean_are_the_closed_forms_and_bounded_for_the_logistic(self):
        mean = tf.constant(self.mean)
        scaled = (self.image[:, None] - self.mean) / 0.03
        for density, expected in (("normal", scaled / 0.03), ("logistic", np.tanh(scaled / 2.0) / 0.03)):
            with tf.GradientTape() as tape:
                tape.watch(mean)
                value = distributions.pixel_log_density(self.image, mean, 0.03, density)
            np.testing.assert_allclose(tape.gradient(value, mean), expected, rtol=1e-10, atol=1e-10)

    def test_density_integrates_to_one(self):
        for function in (distributions.normal_log_density, distributions.logistic_log_density):
            total, _ = integrate.quad(lambda x: math.exp(function(tf.constant(x, tf.float64), 0.3, 0.1)), -3.0, 4.0,
                                      points=(0.3,))
            self.assertAlmostEqual(total, 1.0, places=9)


class MixtureTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(1)
        logits = generator.normal(0.0, 3.0, size=(2, 4, 3, 2))
        self.log_masks = special.log_softmax(logits, axis=1)
        self.log_densities = generator.normal(-20.0, 40.0, size=(2, 4, 3, 2, 3))

    def mixture(self, joint_channels):
        masks, densities = tf.constant(self.log_masks), tf.constant(self.log_densities)
        return distributions.mixture_log_likelihood(masks, densities, joint_channels)

    def test_joint_sums_channels_inside_and_per_channel_outside(self):
        joint = special.logsumexp(self.log_masks + self.log_densities.sum(axis=-1), axis=1)
        per_channel = special.logsumexp(self.log_masks[..., None] + self.log_densities, axis=1).sum(axis=-1)
        np.testing.assert_allclose(self.mixture(True), joint, rtol=1e-14)
        np.testing.assert_allclose(self.mixture(False), per_channel, rtol=1e-14)
        self.assertGreater(np.abs(joint - per_channel).min(), 1e-3)

    def test_both_readings_agree_for_one_channel(self):
        self.log_densities = self.log_densities[..., :1]
        np.testing.assert_allclose(self.mixture(True), self.mixture(False), rtol=1e-14)

    def test_one_slot_is_the_sum_of_its_densities(self):
        self.log_masks, self.log_densities = np.zeros((2, 1, 3, 2)), self.log_densities[:, :1]
        for joint_channels in (True, False):
            np.testing.assert_allclose(self.mixture(joint_channels), self.log_densities[:, 0].sum(axis=-1), rtol=1e-14)

    def test_a_slot_whose_density_underflows_does_no_harm(self):
        self.log_densities[:, 0] = -1e4
        for joint_channels in (True, False):
            self.assertTrue(np.isfinite(self.mixture(joint_channels)).all())


class KlTest(unittest.TestCase):
    def test_equals_quadrature(self):
        for mean, variance, prior_mean, prior_variance in ((0.3, 0.2, 0.0, math.log(2.0)), (-1.0, 2.0, 0.5, 1.0)):
            posterior = stats.norm(mean, math.sqrt(variance))
            prior = stats.norm(prior_mean, math.sqrt(prior_variance))
            expected, _ = integrate.quad(
                lambda z: posterior.pdf(z) * (posterior.logpdf(z) - prior.logpdf(z)), -20.0, 20.0)
            arguments = tf.constant(mean, tf.float64), tf.constant(variance, tf.float64), prior_mean, prior_variance
            self.assertAlmostEqual(float(distributions.normal_kl(*arguments)), expected, places=8)
            log_variance = tf.math.log(arguments[1])
            self.assertAlmostEqual(float(distributions.normal_kl(*arguments, log_variance)), expected, places=8)

    def test_zero_for_the_prior_itself(self):
        mean, variance = tf.constant([0.5, -2.0], tf.float64), tf.constant([0.1, 3.0], tf.float64)
        np.testing.assert_allclose(distributions.normal_kl(mean, variance, mean, variance), [0.0, 0.0], atol=1e-15)

    def test_finite_where_the_variance_underflows(self):
        raw = tf.constant([-200.0, -50.0, 0.0, 60.0])
        with tf.GradientTape() as tape:
            tape.watch(raw)
            kl = distributions.normal_kl(0.0 * raw, tf.math.softplus(raw), 0.0, 1.0, distributions.log_softplus(raw))
        np.testing.assert_allclose(kl, [99.5, 24.5, 0.5 * (math.log(2) - 1 - math.log(math.log(2))),
                                        0.5 * (60 - 1 - math.log(60))], rtol=1e-6)
        np.testing.assert_allclose(tape.gradient(kl, raw)[:2], [-0.5, -0.5], rtol=1e-6)


class LogSoftplusTest(unittest.TestCase):
    def test_value_and_gradient_in_both_precisions(self):
        values = np.array([-200.0, -104.0, -88.0, -35.0, -33.0, -14.0, -1.0, 0.0, 2.0, 50.0])
        with np.errstate(over="ignore"):
            softplus = np.logaddexp(0.0, values)
            slope = special.expit(values) / softplus
        for dtype, tolerance in ((tf.float32, 1e-6), (tf.float64, 1e-14)):
            raw = tf.constant(values, dtype)
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(raw)
                log_variance = distributions.log_softplus(raw)
                std = tf.exp(0.5 * log_variance)
            np.testing.assert_allclose(log_variance, np.log(softplus), rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(tape.gradient(log_variance, raw), slope, rtol=tolerance)
            gradient = helpers.array(tape.gradient(std, raw))
            np.testing.assert_allclose(gradient, 0.5 * np.sqrt(softplus) * slope, rtol=1e-4 * (dtype == tf.float32)
                                       + 1e-12, atol=1e-37)


if __name__ == "__main__":
    unittest.main()
