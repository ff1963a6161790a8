"""MONet-G: outputs, sizes, both kinds of masks, options, samples."""

import dataclasses
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import genesis_config
from tfobj import registry
from tfobj.ops.stick_breaking import log_masks_of_logits
from tfobj.tasks.object_discovery import ObjectDiscovery

SHAPE = (16, 16, 3)
SMALL = {"num_slots": 3, "latent_size": 4, "attention_channels": 4, "component_channels": 4, "hidden_size": 8}


def build(image_shape=SHAPE, seed=0, **changes):
    """A tiny model, its weights away from their initial values."""
    keras.utils.set_random_seed(seed)
    model_config = genesis_config.MonetGConfig(**{**SMALL, **changes})
    return helpers.perturb(registry.build_model("monet_g", model_config, image_shape), seed)


class MonetGTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = build()
        cls.outputs, cls.terms = helpers.outputs_and_terms(cls.model)

    def test_contract(self):
        extra = {"log_masks": (3, 16, 16), "log_decoder_masks": (3, 16, 16), "decoder_masks": (3, 16, 16),
                 "slots": (3, 4), "latent_std": (3, 4), "latents": (3, 4), "kl": (3,)}
        outputs = helpers.run_model_test(self, self.model, None, extra)
        np.testing.assert_allclose(outputs["decoder_masks"].sum(axis=1), 1.0, atol=1e-5)
        np.testing.assert_allclose(np.exp(outputs["log_masks"]), outputs["masks"], rtol=1e-6)
        np.testing.assert_allclose(np.sum(outputs["masks"][..., None] * outputs["components"], axis=1),
                                   outputs["reconstruction"], atol=1e-6)

    def test_published_sizes_and_losses_of_the_untrained_model(self):
        """Uniform noise, 64x64, K = 7; divergences depend on the initial weights."""
        keras.utils.set_random_seed(0)
        for side, count in ((128, 1_788_293), (64, 974_085)):
            model_config = genesis_config.MonetGConfig(num_slots=2 if side == 128 else 7)
            model = registry.build_model("monet_g", model_config, (side, side, 3))
            self.assertEqual(helpers.count_parameters(model), count)
        image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
        terms = model.losses_of(image, model(image, noise=helpers.noise_of(model, 2)))
        means = {name: float(np.mean(value)) for name, value in terms.items()}
        self.assertTrue(0.640 < means["err_element"] < 0.655, means)
        self.assertTrue(1_800.0 < means["kl_m"] < 3_700.0, means)
        self.assertTrue(-1.5 < means["kl_l"] < 2.0, means)

    def test_evidence_lower_bound_has_the_masks_of_the_decoder(self):
        terms = self.terms
        np.testing.assert_allclose(terms["elbo"], -(terms["err_decoder_masks"] + terms["kl_l"]), rtol=1e-6)
        np.testing.assert_allclose(terms["objective"], terms["err"] + terms["kl_l"] + terms["kl_m"], rtol=1e-6)
        self.assertGreater(np.abs(terms["err"] - terms["err_decoder_masks"]).min(), 0.01)
        shown = {name for name, _ in ObjectDiscovery.TABLE} & set(terms)
        self.assertEqual(shown, {"loss", "mse", "elbo", "err", "err_decoder_masks", "kl_l", "kl_m"})

    def test_no_gradient_between_the_two_kinds_of_masks_is_stopped(self):
        image = helpers.unit_images(2, SHAPE)
        outputs = {name: tf.constant(value) for name, value in self.outputs.items()}
        both = ["masks", "decoder_masks"]
        with tf.GradientTape() as tape:
            tape.watch([outputs[name] for name in both])
            divergence = tf.reduce_sum(self.model.losses_of(image, outputs)["kl_m"])
        for name, gradient in zip(both, tape.gradient(divergence, [outputs[name] for name in both])):
            self.assertGreater(np.abs(gradient).max(), 0.1, name)

    def test_masks_of_the_decoder_may_take_the_scope_one_after_the_other(self):
        model = helpers.copy_weights(self.model, build(decoder_masks="scope"))
        outputs, _ = helpers.outputs_and_terms(model)
        # Both make masks of the same logits, of which the softmax knows the differences.
        softmax = self.outputs["log_decoder_masks"]
        canvas = helpers.array(model.decoder(self.outputs["latents"].reshape(-1, 4)))[..., -1].reshape(softmax.shape)
        np.testing.assert_allclose(canvas - canvas[:, :1], softmax - softmax[:, :1], atol=1e-5)
        np.testing.assert_allclose(outputs["log_decoder_masks"], log_masks_of_logits(canvas[:, :-1])[0], atol=1e-5)

    def test_estimates_of_the_divergence_have_its_exact_value_as_mean(self):
        outputs, _ = helpers.outputs_and_terms(helpers.copy_weights(self.model, build(montecarlo_kl=False)))
        mean, std = outputs["slots"], outputs["latent_std"]
        expected = np.sum(0.5 * (mean**2 + std**2 - 1.0) - np.log(std), axis=2)
        np.testing.assert_allclose(outputs["kl"], expected, rtol=1e-4, atol=1e-5)
        draws = np.random.default_rng(0).normal(size=(4000, *mean.shape)).astype(np.float32)
        estimates = helpers.array(self.model._divergence(mean + std * draws, mean, std))
        np.testing.assert_allclose(estimates.mean(axis=0), outputs["kl"], atol=0.1)

    def test_divergence_of_masks_may_weigh_more(self):
        model = helpers.copy_weights(self.model, build(mask_kl_factor=3.0))
        model.schedule.beta.assign(0.5)
        _, terms = helpers.outputs_and_terms(model)
        np.testing.assert_allclose(terms["loss"], terms["err"] + 0.5 * (terms["kl_l"] + 3.0 * terms["kl_m"]), rtol=1e-6)

    def test_samples_have_the_masks_of_the_decoder_and_as_many_slots_as_their_noise(self):
        for num_slots in (1, 5):
            spec = self.model.sample_noise_spec(2, num_slots)
            latents = np.random.default_rng(0).normal(size=spec["latents"].shape).astype(np.float32)
            scene = {name: helpers.array(value) for name, value in self.model.sample({"latents": latents}).items()}
            self.assertEqual(scene["components"].shape, (2, num_slots, *SHAPE))
            np.testing.assert_array_equal(scene["slots"], latents)
        decoded = self.model.decode(self.outputs["latents"])
        np.testing.assert_allclose(decoded["masks"], self.outputs["decoder_masks"], atol=1e-6)
        np.testing.assert_allclose(decoded["components"], self.outputs["components"], atol=1e-6)

    def test_configuration_is_complete(self):
        self.assertEqual({field.name for field in dataclasses.fields(genesis_config.MonetGConfig)}
                         | {"image_shape", "name"}, set(self.model.get_config()))


if __name__ == "__main__":
    unittest.main()
