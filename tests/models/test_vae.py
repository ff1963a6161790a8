"""The VAE of IODINE's parts: its output contract, closed forms of its loss, and what several slots mean."""

import math
import unittest

import keras
import numpy as np

from tests import helpers
from tfobj import registry
from tfobj.models.vae import Vae
from tfobj.vae_config import VaeConfig

SHAPE = (12, 10, 3)
SMALL = VaeConfig(latent_size=4, encoder_filters=(4, 6), encoder_units=8, decoder_filters=(6, 6))
DEFAULT_WEIGHTS = 113_728 + 49_536 + 150_595
"""Convolutions of 5 to 64 channels, dense layers 64 to 256 to 128, convolutions of 66 to 3 channels."""


class VaeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keras.utils.set_random_seed(0)
        cls.model = helpers.perturb(registry.build_model("vae", SMALL, SHAPE), scale=0.3)
        cls.image = helpers.unit_images(2, SHAPE)
        cls.noise = helpers.noise_of(cls.model, 2)

    def outputs(self, noise=None, **overrides):
        """Outputs as arrays."""
        found = self.model(self.image, noise=noise or self.noise, **overrides)
        return {name: helpers.array(value) for name, value in found.items()}

    def test_outputs_and_parameters(self):
        outputs = helpers.run_model_test(self, self.model, None, {
            "latents": (1, 4), "latent_mean": (1, 4), "latent_std": (1, 4), "kl": (1,), "nll": ()})
        np.testing.assert_array_equal(outputs["masks"], 1.0)
        np.testing.assert_array_equal(outputs["components"][:, 0], outputs["reconstruction"])
        self.assertEqual(helpers.count_parameters(Vae((128, 128, 3)).build_on_zeros()), DEFAULT_WEIGHTS)

    def test_the_loss_is_the_lower_bound_in_closed_form(self):
        outputs = self.outputs()
        terms = {name: helpers.array(value) for name, value in self.model.losses_of(self.image, outputs).items()}
        distance = np.abs(self.image - outputs["reconstruction"]).astype(np.float64) / 0.03
        density = -distance - 2.0 * np.log1p(np.exp(-distance)) - math.log(0.03)
        mean, variance = (outputs[name].astype(np.float64) for name in ("latent_mean", "latent_std"))
        variance, prior = variance ** 2, math.log(2.0)
        divergence = 0.5 * (variance / prior + mean ** 2 / prior - 1.0 - np.log(variance / prior))
        np.testing.assert_allclose(terms["nll"], -density.sum(axis=(1, 2, 3)), rtol=1e-5)
        np.testing.assert_allclose(terms["kl"], divergence.sum(axis=(1, 2)), rtol=1e-5)
        np.testing.assert_allclose(terms["loss"], terms["nll"] + terms["kl"], rtol=1e-6)
        drawn = outputs["latent_mean"] + outputs["latent_std"] * self.noise["slots"]
        np.testing.assert_allclose(outputs["latents"], drawn, atol=1e-5)

    def test_more_slots_are_more_samples_with_equal_weights(self):
        noise = helpers.noise_of(self.model, 2, num_slots=3)
        together = self.outputs(noise, num_slots=3)
        np.testing.assert_allclose(together["masks"], 1.0 / 3.0)
        densities = []
        for slot in range(3):
            alone = self.outputs({"slots": noise["slots"][:, slot:slot + 1]})
            for name in ("components", "latents", "kl"):
                np.testing.assert_allclose(together[name][:, slot], alone[name][:, 0], rtol=1e-4, atol=1e-4)
            distance = np.abs(self.image - alone["reconstruction"]).astype(np.float64) / 0.03
            densities.append(np.sum(-distance - 2.0 * np.log1p(np.exp(-distance)) - math.log(0.03), axis=-1))
        expected = -(np.logaddexp.reduce(densities, axis=0) - math.log(3.0)).sum(axis=(1, 2))
        np.testing.assert_allclose(together["nll"], expected, rtol=1e-5)

    def test_a_trained_scale_and_a_unit_prior(self):
        model = Vae(SHAPE, latent_size=4, encoder_filters=(4,), decoder_filters=(4,), pixel_scale=-1.0,
                    pixel_density="normal", latent_prior="unit").build_on_zeros()
        self.assertEqual(model.prior_std, 1.0)
        self.assertIn("pixel_density/log_scale", map(helpers.weight_name, model.trainable_variables))
