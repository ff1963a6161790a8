"""IODINE: likelihood, inner gradients, stopped gradients, iterations."""

import contextlib
import math
import unittest
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.models.tiny_iodine import SHAPE, build, loss_of
from tfobj.errors import UserError
from tfobj.models.iodine import PRIOR_VARIANCE
from tfobj.ops.distributions import mixture_log_likelihood, pixel_log_density


class Float64Case(unittest.TestCase):
    """Exact comparisons."""

    def setUp(self):
        self.addCleanup(keras.config.set_dtype_policy, keras.config.dtype_policy())
        keras.config.set_dtype_policy("float64")
        self.image = helpers.unit_images(2, SHAPE).astype(np.float64)

    def noise(self, model, count=2, **overrides):
        return {name: value.astype(np.float64) for name, value in helpers.noise_of(model, count, **overrides).items()}


class LikelihoodTest(unittest.TestCase):
    def test_least_negative_log_likelihood_is_the_published_number(self):
        """The image in one slot that has all the mask: -H W C log(1 / (4 s)) with s = 0.03."""
        for side, expected in ((128, -104_215), (64, -26_054), (35, -7_792)):
            image = np.random.default_rng(0).uniform(size=(1, side, side, 3))
            means = np.stack([image, 1.0 - image], axis=1)
            log_masks = np.broadcast_to(np.log([0.999999999999, 1e-12])[:, None, None], (1, 2, side, side))
            densities = pixel_log_density(image, tf.constant(means), 0.03, "logistic")
            nll = -np.sum(mixture_log_likelihood(log_masks, densities, joint_channels=True))
            self.assertAlmostEqual(nll, -side * side * 3 * math.log(1 / 0.12), delta=1e-3)
            self.assertAlmostEqual(nll, expected, delta=1.0)

    def test_scale_and_density_follow_the_options(self):
        for options, density, scale in (({}, "logistic", 0.3), ({"pixel_scale": 0.0}, "logistic", 0.03),
                                        ({"pixel_scale": 0.0, "pixel_density": "normal"}, "normal", 0.1)):
            layer = build(**options).pixel_density
            self.assertEqual((layer.density, layer.scale), (density, scale))

    def test_trained_scale_has_a_gradient(self):
        model = build(pixel_scale=-1.0)
        image, noise = helpers.unit_images(2, SHAPE), helpers.noise_of(model, 2)
        gradients = helpers.gradients(model, lambda: loss_of(model, image, noise))
        self.assertGreater(abs(gradients["pixel_density/log_scale"]), 1.0)


class InnerGradientsTest(Float64Case):
    """Section 2.2 of the paper: the loss of one iteration, differentiated where it is computed."""

    def stage(self, **options):
        self.model = build(**options)
        self.noise_of_start = self.noise(self.model)
        return self.model.infer(self.image, self.noise_of_start)[0]

    def test_closed_forms(self):
        for density, scale, joint in (("logistic", 0.1, True), ("normal", 0.2, True), ("logistic", 0.1, False)):
            with self.subTest(density=density, joint=joint):
                stage = self.stage(pixel_density=density, pixel_scale=scale, joint_channels=joint, gradient_batch=3)
                scaled = (self.image[:, None] - stage["components"]) / scale
                slope = np.tanh(scaled / 2.0) / scale if density == "logistic" else scaled / scale
                share = self.responsibilities(stage, joint)  # [B,K,H,W,C], of all channels together if joint
                masks = helpers.array(stage["masks"])[..., None]
                np.testing.assert_allclose(stage["raw"]["dcomponents"], -share * slope / 3, rtol=1e-9, atol=1e-9)
                dmask = -(share - masks)[..., :1] if joint else -np.sum(share - masks, axis=-1, keepdims=True)
                np.testing.assert_allclose(stage["raw"]["dmask"], dmask / 3, rtol=1e-9, atol=1e-12)

    def responsibilities(self, stage, joint):
        log_densities = helpers.array(stage["log_densities"])
        log_densities = log_densities.sum(axis=-1, keepdims=True) if joint else log_densities
        weighted = np.exp(helpers.array(stage["log_masks"])[..., None] + log_densities)
        share = weighted / weighted.sum(axis=1, keepdims=True)
        return np.broadcast_to(share, (*share.shape[:-1], 3))

    def test_gradient_of_the_posterior_in_closed_form(self):
        for prior in ("ln2", "unit"):
            stage = self.stage(latent_prior=prior, gradient_batch=3)
            latents, parameters = stage["latents"], helpers.array(stage["zp"])
            with tf.GradientTape() as tape:
                tape.watch(latents)
                canvas = self.model.decoder(latents)
            cotangents = tf.concat([stage["raw"]["dmask"], stage["raw"]["dcomponents"]], axis=-1)
            g_z = helpers.array(tape.gradient(canvas, latents, output_gradients=cotangents))
            mean, raw = np.split(parameters, 2, axis=-1)
            variance, sigmoid = np.logaddexp(0.0, raw), 1.0 / (1.0 + np.exp(-raw))
            noise, prior_variance = self.noise_of_start["slots"][:, :, 0], PRIOR_VARIANCE[prior]
            expected = np.concatenate([
                g_z + mean / prior_variance / 3,
                g_z * noise * sigmoid / (2.0 * np.sqrt(variance))
                + (1.0 / prior_variance - 1.0 / variance) * sigmoid / 6], axis=-1)
            np.testing.assert_allclose(stage["raw"]["dzp"], expected, rtol=1e-9, atol=1e-10)

    def test_finite_difference_along_a_direction(self):
        stage = self.stage()
        direction = np.random.default_rng(0).normal(size=stage["raw"]["dzp"].shape)
        losses = []
        for sign in (1.0, -1.0):
            moved = self.model.initial_posterior.parameters + sign * 1e-6 * direction
            with mock.patch.object(self.model, "initial_posterior", lambda noise, moved=moved: moved):
                first = self.model.infer(self.image, self.noise_of_start, num_iterations=0)[0]
            total = np.sum(first["nll"]) + np.sum(first["kl"])
            losses.append(total / self.model.options.gradient_batch)
        slope = np.sum(helpers.array(stage["raw"]["dzp"]) * direction)
        self.assertAlmostEqual((losses[0] - losses[1]) / 2e-6 / slope, 1.0, places=7)

    def test_an_image_does_not_see_the_rest_of_its_batch(self):
        model = build()
        noise = self.noise(model)
        both = model.infer(self.image, noise)[0]["raw"]
        alone = model.infer(self.image[1:], {"slots": noise["slots"][1:]})[0]["raw"]
        for name in ("dcomponents", "dmask", "dzp"):
            np.testing.assert_allclose(alone[name][0], both[name][1], rtol=1e-9, atol=1e-12)


class StoppedGradientsTest(Float64Case):
    def test_leaking_second_derivatives_would_change_the_gradient_and_nothing_else(self):
        """With gradients let through the loss is the same, so that only this comparison tells."""
        excluded = "counterfactual,log_prob"
        model = build(excluded_inputs=excluded)
        noise = self.noise(model)
        losses, gradients = [], []
        for patch in (mock.patch.object(keras.ops, "stop_gradient", lambda value: value), contextlib.nullcontext()):
            with patch:
                losses.append(float(loss_of(model, self.image, noise)))
                gradients.append(helpers.gradients(model, lambda: loss_of(model, self.image, noise)))
        self.assertAlmostEqual(losses[0], losses[1], places=9)
        leaking, stopped = gradients
        difference = max(np.abs(leaking[name] - value).max() / np.abs(value).max() for name, value in stopped.items())
        self.assertGreater(difference, 0.01)
        self.assertGreater(self.error_of_finite_differences(model, noise, stopped), 0.01)
        self.assertLess(self.error_of_finite_differences(model, noise, leaking), 1e-5)

    def error_of_finite_differences(self, model, noise, gradients):
        """Largest relative error over the biases of the decoder, whose derivative leaks most."""
        errors = []
        for variable in model.decoder.trainable_variables[1::2]:
            value, gradient = helpers.array(variable), gradients[helpers.weight_name(variable)]
            direction, losses = np.sign(gradient), []
            for sign in (1.0, -1.0):
                variable.assign(value + sign * 1e-6 * direction)
                losses.append(float(loss_of(model, self.image, noise)))
            variable.assign(value)
            slope = np.sum(gradient * direction)
            errors.append(abs((losses[0] - losses[1]) / 2e-6 - slope) / abs(slope))
        return max(errors)


class IterationsTest(Float64Case):
    def test_every_iteration_is_decoded_and_weighted(self):
        for count in (1, 3):
            model = build(num_iterations=count)
            noise = self.noise(model)
            with mock.patch.object(model.decoder, "call", wraps=model.decoder.call) as decode:
                outputs = model(self.image, noise=noise)
            self.assertEqual(decode.call_count, count + 1)
            terms = model.losses_of(self.image, outputs)
            weights = np.arange(count + 1) / count
            nll, kl = helpers.array(outputs["iteration_nll"]), np.sum(outputs["iteration_kl"], axis=2)
            np.testing.assert_allclose(terms["loss"], (nll + kl) @ weights, rtol=1e-12)
            np.testing.assert_allclose(terms["nll"], nll @ weights, rtol=1e-12)
            np.testing.assert_allclose(terms["kl"], kl.sum(axis=1), rtol=1e-12)
            error = np.mean((self.image - outputs["reconstruction"])**2, axis=(1, 2, 3))
            np.testing.assert_allclose(terms["mse"], error, rtol=1e-12)
            np.testing.assert_array_equal(terms[f"nll_{count}"], nll[:, count])
            np.testing.assert_array_equal(terms["kl_0"], kl[:, 0])
            self.assertEqual(len(terms), 4 + 2 * (count + 1))

    def test_loss_weights(self):
        for text, count, expected in (("linspace", 5, [0, 0.2, 0.4, 0.6, 0.8, 1]), ("linspace", 1, [0, 1]),
                                      ("0.5", 3, [0.5] * 4), ("0,1,2", 2, [0, 1, 2]), ("0,1,2", 4, [0, 1, 2, 2, 2]),
                                      ("0,1,2", 1, [0, 1])):
            weights = build(iteration_weights=text).loss_weights(count)
            np.testing.assert_allclose(weights, expected, rtol=1e-12)
        for text in ("ramp", "1,2", ""):
            with self.assertRaisesRegex(UserError, f"--iteration_weights={text}: expected linspace, one number, or 3 "):
                build(iteration_weights=text)

    def test_outputs_are_those_of_the_last_iteration(self):
        model = build()
        outputs = model(self.image, noise=self.noise(model))
        for name in ("reconstruction", "masks", "components"):
            np.testing.assert_array_equal(outputs[name], outputs[f"iteration_{name}"][:, -1])
        np.testing.assert_array_equal(outputs["slots"], outputs["latent_mean"])
        noise = self.noise(model)["slots"][:, :, -1]
        expected = outputs["latent_mean"] + outputs["latent_std"] * noise
        np.testing.assert_allclose(outputs["latents"], expected, rtol=1e-12)
        decoded = model.decode(outputs["latents"])
        for name in ("reconstruction", "masks", "components"):
            np.testing.assert_allclose(decoded[name], outputs[name], rtol=1e-12)

    def test_more_slots_and_iterations_with_the_same_weights(self):
        model = build(num_slots=7)
        noise = self.noise(model, num_slots=11, num_iterations=15)
        outputs = model(self.image, noise=noise, num_slots=11, num_iterations=15)
        self.assertEqual(outputs["iteration_masks"].shape, (2, 16, 11, 6, 5))
        self.assertEqual(outputs["iteration_kl"].shape, (2, 16, 11))
        self.assertTrue(all(np.isfinite(value).all() for value in outputs.values()))
        fewer = model(self.image, noise={"slots": noise["slots"][:, :, :4]}, num_slots=11, num_iterations=3)
        for name in ("masks", "nll"):
            np.testing.assert_allclose(fewer[f"iteration_{name}"], outputs[f"iteration_{name}"][:, :4], rtol=1e-9)

    def test_permuting_noise_permutes_every_stage(self):
        model = build()
        noise, order = self.noise(model), np.array([2, 0, 1])
        stages = model.infer(self.image, noise)
        permuted = model.infer(self.image, {"slots": noise["slots"][:, order]})
        for first, second in zip(stages, permuted):
            for name in ("zp", "kl", "components", "log_masks"):
                np.testing.assert_allclose(second[name], np.take(first[name], order, axis=1), rtol=1e-9)
        for name, value in stages[0]["inputs"].items():
            expected = np.take(value, order, axis=1) if value.shape[1] == 3 else value
            np.testing.assert_allclose(permuted[0]["inputs"][name], expected, rtol=1e-7, atol=1e-9, err_msg=name)

    def test_prior(self):
        self.assertAlmostEqual(build().prior_std, 0.832555, places=6)
        self.assertEqual(build(latent_prior="unit").prior_std, 1.0)


if __name__ == "__main__":
    unittest.main()
