"""GENESIS: outputs, sizes, options, batch normalisation, samples."""

import dataclasses
import unittest

import keras
import numpy as np

from tests import helpers
from tfobj import genesis_config
from tfobj import registry
from tfobj.errors import UserError
from tfobj.ops.slots import fold, unfold

SHAPE = (16, 16, 3)
SMALL = {"num_slots": 3, "mask_latent_size": 5, "latent_size": 4, "encoder_filters": (4,) * 5,
         "decoder_filters": (4,) * 6, "component_channels": 4, "hidden_size": 8}


def build(image_shape=SHAPE, seed=0, **changes):
    """A tiny model, its weights away from their initial values."""
    keras.utils.set_random_seed(seed)
    model_config = genesis_config.GenesisConfig(**{**SMALL, **changes})
    return helpers.perturb(registry.build_model("genesis", model_config, image_shape), seed)


def sample_of(model, count=2, num_slots=3):
    """A drawn scene and its noise, dicts of arrays."""
    noise = {name: np.random.default_rng(0).normal(size=entry.shape).astype(np.float32)
             for name, entry in model.sample_noise_spec(count, num_slots).items()}
    return {name: helpers.array(value) for name, value in model.sample(noise).items()}, noise


class GenesisTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = build()

    def test_contract(self):
        extra = {"log_masks": (3, 16, 16), "slots": (3, 9), "latent_std": (3, 9), "latents": (3, 9), "kl": (3,),
                 "mask_kl": (3,)}
        outputs = helpers.run_model_test(self, self.model, None, extra)
        np.testing.assert_allclose(np.exp(outputs["log_masks"]), outputs["masks"], rtol=1e-6)
        np.testing.assert_allclose(np.sum(outputs["masks"][..., None] * outputs["components"], axis=1),
                                   outputs["reconstruction"], atol=1e-6)

    def test_published_size_and_losses_of_the_untrained_model(self):
        """Uniform noise, 64x64, K = 7, with the statistics of the batch; divergences depend on the initial weights."""
        keras.utils.set_random_seed(0)
        model = registry.build_model("genesis", genesis_config.GenesisConfig(), (64, 64, 3))
        self.assertEqual(helpers.count_parameters(model), 12_619_012)
        image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
        terms = model.losses_of(image, model(image, noise=helpers.noise_of(model, 2), training=True))
        means = {name: float(np.mean(value)) for name, value in terms.items()}
        self.assertTrue(0.640 < means["err_element"] < 0.656, means)
        self.assertTrue(0.0 < means["kl_m"] < 10.0, means)
        self.assertTrue(-1.0 < means["kl_l"] < 6.0, means)
        self.assertAlmostEqual(means["elbo"], -(means["err"] + means["kl_l"] + means["kl_m"]), delta=0.01)

    def test_decoding_the_latents_gives_the_outputs(self):
        outputs, _ = helpers.outputs_and_terms(self.model)
        decoded = self.model.decode(outputs["latents"])
        for name in ("reconstruction", "masks", "components"):
            np.testing.assert_allclose(decoded[name], outputs[name], atol=1e-5, err_msg=name)

    def test_logit_of_the_last_slot_has_no_influence(self):
        outputs, _ = helpers.outputs_and_terms(self.model)
        latents = outputs["latents"].copy()
        latents[:, -1, :5] += 1.0
        vectors = fold(keras.ops.convert_to_tensor(latents[..., :5]))
        logits = helpers.array(unfold(self.model.mask_decoder(vectors), 3))
        self.assertGreater(np.ptp(logits[:, -1] - logits[:, 0]), 0.0)
        np.testing.assert_allclose(self.model.decode(latents)["masks"], outputs["masks"], atol=1e-6)
        latents[:, 0, :5] += 1.0
        self.assertGreater(helpers.largest_difference(self.model.decode(latents)["masks"], outputs["masks"]), 1e-4)

    def test_batch_statistics_are_those_of_all_slots_together(self):
        latents = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
        differences = []
        for training in (False, True):
            model = build()
            together = unfold(model.mask_decoder(latents.reshape(6, 5), training=training), 3)
            alone = keras.ops.stack([model.mask_decoder(latents[:, k], training=training) for k in range(3)], axis=1)
            differences.append(helpers.largest_difference(together, alone))
        self.assertLess(differences[0], 1e-5)
        self.assertGreater(differences[1], 1e-2)

    def test_training_moves_the_statistics_that_inference_uses(self):
        model = build()
        before, _ = helpers.outputs_and_terms(model)
        helpers.outputs_and_terms(model, training=True)
        after, _ = helpers.outputs_and_terms(model)
        self.assertGreater(helpers.largest_difference(before["masks"], after["masks"]), 1e-5)

    def test_beta_weighs_both_divergences(self):
        model = build()
        _, before = helpers.outputs_and_terms(model)
        model.schedule.beta.assign(0.25)
        outputs, terms = helpers.outputs_and_terms(model)
        np.testing.assert_array_equal(terms["err"], before["err"])
        np.testing.assert_allclose(terms["loss"], terms["err"] + 0.25 * (terms["kl_l"] + terms["kl_m"]), rtol=1e-6)
        np.testing.assert_allclose(terms["kl_m"], outputs["mask_kl"].sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(terms["kl_l"] + terms["kl_m"], outputs["kl"].sum(axis=1), rtol=1e-5)

    def test_first_slot_may_have_a_density_of_its_own(self):
        outputs, terms = helpers.outputs_and_terms(build(first_pixel_std=0.3))
        image = helpers.unit_images(2, SHAPE)[:, None]
        std = np.array([0.3, 0.7, 0.7]).reshape((1, 3, 1, 1, 1))
        density = np.exp(-0.5 * ((image - outputs["components"]) / std)**2) / (std * np.sqrt(2.0 * np.pi))
        likelihood = np.log(np.sum(outputs["masks"][..., None] * density, axis=1))
        np.testing.assert_allclose(terms["err"], -likelihood.sum(axis=(1, 2, 3)), rtol=1e-4)


class GenesisOptionsTest(unittest.TestCase):
    def test_priors_that_are_standard_normal(self):
        model = build(autoregressive_prior=False, component_prior=False)
        outputs, _ = helpers.outputs_and_terms(model)
        noise = np.concatenate(list(helpers.noise_of(model, 2).values()), axis=-1)
        expected = 0.5 * outputs["latents"]**2 - 0.5 * noise**2 - np.log(outputs["latent_std"])
        np.testing.assert_allclose(outputs["kl"], expected.sum(axis=2), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(outputs["mask_kl"], expected[..., :5].sum(axis=2), rtol=1e-4, atol=1e-4)
        scene, noise = sample_of(model)
        np.testing.assert_array_equal(scene["slots"], np.concatenate(list(noise.values()), axis=-1))

    def test_single_stage_has_one_latent_for_mask_and_appearance(self):
        model = build(two_stage=False)
        self.assertEqual(set(model.noise_spec(1)), {"mask_latents"})
        outputs, terms = helpers.outputs_and_terms(model)
        self.assertEqual(outputs["slots"].shape, (2, 3, 5))
        np.testing.assert_array_equal(terms["kl_l"], 0.0)
        np.testing.assert_array_equal(outputs["kl"], outputs["mask_kl"])
        self.assertFalse([weight.path for weight in model.weights if "component_encoder" in weight.path
                          or "component_prior" in weight.path])
        self.assertEqual(model.component_decoder.first.taps.shape, (3, 3, 5 + 2, 4))
        self.assertEqual(sample_of(model)[0]["slots"].shape, (2, 3, 5))

    def test_symmetric_components_are_gated(self):
        model = build(symmetric_components=True)
        self.assertEqual(type(model.component_encoder), type(model.encoder))
        self.assertEqual(model.component_encoder.convolutions[0].conv.kernel.shape, (5, 5, 4, 8))
        outputs, terms = helpers.outputs_and_terms(model)
        self.assertEqual(outputs["components"].shape, (2, 3, *SHAPE))
        image, noise = helpers.unit_images(2, SHAPE), helpers.noise_of(model, 2)
        values = helpers.gradients(
            model, lambda: keras.ops.mean(model.losses_of(image, model(image, noise=noise))["loss"]))
        self.assertEqual([name for name, value in values.items() if value is None or not np.abs(value).max()], [])
        self.assertTrue(np.isfinite(terms["loss"]).all())

    def test_normalisations(self):
        for norm, moving in (("bn", True), ("in", False), ("none", False)):
            model = build(encoder_norm=norm, decoder_norm=norm)
            self.assertEqual(any("moving" in weight.path for weight in model.weights), moving, norm)
            self.assertEqual(any("/norm/" in weight.path for weight in model.weights), norm != "none", norm)
            self.assertTrue(np.isfinite(helpers.outputs_and_terms(model)[1]["loss"]).all(), norm)

    def test_reference_sampling_changes_samples_alone(self):
        model, reference = build(), build(reference_sampling=True)
        first, second = (helpers.outputs_and_terms(each)[1] for each in (model, reference))
        self.assertEqual(helpers.largest_difference(first, second), 0.0)
        scene, noise = sample_of(model)
        other, _ = sample_of(reference)
        np.testing.assert_array_equal(scene["slots"][:, 0, :5], noise["mask_latents"][:, 0])
        np.testing.assert_array_equal(other["slots"][:, 0], scene["slots"][:, 0])
        self.assertGreater(np.abs(other["slots"][:, 1] - scene["slots"][:, 1]).max(), 1e-4)

    def test_samples_follow_the_prior(self):
        model = build()
        scene, noise = sample_of(model)
        masks, components = scene["slots"][..., :5], scene["slots"][..., 5:]
        mean, std = model.mask_prior(masks)
        np.testing.assert_allclose((masks - mean) / std, noise["mask_latents"], atol=1e-5)
        mean, std = model.component_prior(masks)
        np.testing.assert_allclose((components - mean) / std, noise["component_latents"], atol=1e-5)
        np.testing.assert_allclose(scene["masks"].sum(axis=1), 1.0, atol=1e-5)
        np.testing.assert_array_equal(scene["segmentation"], scene["masks"].argmax(axis=1))

    def test_images_that_do_not_fit_are_refused(self):
        with self.assertRaisesRegex(UserError, "they are 30x32"):
            build((30, 32, 3))

    def test_configuration_is_complete(self):
        self.assertEqual({field.name for field in dataclasses.fields(genesis_config.GenesisConfig)}
                         | {"image_shape", "name"}, set(build().get_config()))


if __name__ == "__main__":
    unittest.main()
