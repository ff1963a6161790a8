"""GENESIS-V2: outputs, sizes, options, dynamic numbers of slots, samples."""

import dataclasses
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import genesis_config
from tfobj import registry
from tfobj.errors import UserError

SHAPE = (16, 16, 3)


def build(image_shape=SHAPE, seed=0, perturbed=True, **changes):
    """A tiny model, its weights away from their initial values."""
    keras.utils.set_random_seed(seed)
    model_config = genesis_config.GenesisV2Config(**{"num_slots": 4, "feature_size": 8, **changes})
    model = registry.build_model("genesis_v2", model_config, image_shape)
    return helpers.perturb(model, seed) if perturbed else model


def outputs_of(model, count=2, seed=0, **arguments):
    """Outputs for random images, dict of arrays."""
    outputs = model(helpers.unit_images(count, model.image_shape), noise=helpers.noise_of(model, count, seed),
                    **arguments)
    return {name: helpers.array(value) for name, value in outputs.items()}


class GenesisV2Test(unittest.TestCase):
    def test_contract(self):
        extra = {"attention_masks": (4, 16, 16), "log_masks": (4, 16, 16), "slots": (4, 8), "latent_std": (4, 8),
                 "latents": (4, 8), "kl": (4,), "num_used_slots": ()}
        outputs = helpers.run_model_test(self, build(), None, extra)
        np.testing.assert_allclose(outputs["attention_masks"].sum(axis=1), 1.0, atol=1e-5)
        np.testing.assert_allclose(np.exp(outputs["log_masks"]), outputs["masks"], rtol=1e-6)
        np.testing.assert_array_equal(outputs["num_used_slots"], [4.0, 4.0])
        np.testing.assert_allclose(np.sum(outputs["masks"][..., None] * outputs["components"], axis=1),
                                   outputs["reconstruction"], atol=1e-6)

    def test_published_parameter_counts(self):
        for side, count in ((32, 2_617_550), (64, 2_728_398), (128, 2_839_246)):
            model_config = genesis_config.GenesisV2Config()
            model = registry.build_model("genesis_v2", model_config, (side, side, 3))
            self.assertEqual(helpers.count_parameters(model), count)

    def test_untrained_model_has_the_published_losses(self):
        """Uniform noise, 64x64, K = 7. Of the latents, 300 initial posteriors in PyTorch gave 25 +- 5.5 nats."""
        model = build((64, 64, 3), perturbed=False, num_slots=7, feature_size=64, mask_loss=True)
        image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
        terms = model.losses_of(image, model(image, noise=helpers.noise_of(model, 2)))
        means = {name: float(np.mean(value)) for name, value in terms.items()}
        self.assertTrue(0.650 < means["err_element"] < 0.663, means)
        self.assertTrue(12.0 < means["kl_l"] < 48.0, means)
        self.assertTrue(4_350.0 < means["kl_m"] < 4_600.0, means)
        self.assertAlmostEqual(means["loss"], means["err"] + means["kl_l"] + means["kl_m"], delta=0.01)

    def test_first_attention_does_not_look_at_the_image(self):
        model = build(perturbed=False)
        noise, images = helpers.noise_of(model, 2), helpers.unit_images(4, SHAPE)
        first, second = (model(image, noise=noise) for image in (images[:2], images[2:]))
        np.testing.assert_array_equal(first["attention_masks"], second["attention_masks"])
        self.assertGreater(helpers.largest_difference(first["slots"], second["slots"]), 1e-3)

    def test_latents_are_the_mean_without_noise(self):
        model = build()
        noise = {**helpers.noise_of(model, 2), "latents": np.zeros((2, 4, 8), np.float32)}
        outputs = model(helpers.unit_images(2, SHAPE), noise=noise)
        np.testing.assert_array_equal(outputs["latents"], outputs["slots"])
        decoded = model.decode(outputs["slots"])
        np.testing.assert_allclose(decoded["reconstruction"], outputs["reconstruction"], atol=1e-5)

    def test_prior_that_is_not_autoregressive_is_standard_normal(self):
        model = build(autoregressive_prior=False)
        outputs = outputs_of(model)
        noise = helpers.noise_of(model, 2)["latents"]
        expected = 0.5 * outputs["latents"]**2 - 0.5 * noise**2 - np.log(outputs["latent_std"])
        np.testing.assert_allclose(outputs["kl"], expected.sum(axis=2), rtol=1e-4, atol=1e-4)
        noise = {"latents": helpers.noise_of(model, 3, num_slots=6)["latents"]}
        np.testing.assert_array_equal(model.sample(noise)["slots"], noise["latents"])

    def test_samples_have_as_many_slots_as_their_noise(self):
        model = build()
        for num_slots in (1, 6):
            noise = {name: np.random.default_rng(0).normal(size=entry.shape).astype(np.float32)
                     for name, entry in model.sample_noise_spec(2, num_slots).items()}
            scene = {name: helpers.array(value) for name, value in model.sample(noise).items()}
            self.assertEqual(scene["components"].shape, (2, num_slots, *SHAPE))
            np.testing.assert_allclose(scene["masks"].sum(axis=1), 1.0, atol=1e-5)
            np.testing.assert_array_equal(scene["slots"][:, 0], noise["latents"][:, 0])

    def test_unbounded_components_are_the_logits_of_bounded_ones(self):
        bounded, unbounded = (outputs_of(build(pixel_bound=flag)) for flag in (True, False))
        np.testing.assert_allclose(1.0 / (1.0 + np.exp(-unbounded["components"])), bounded["components"], atol=1e-6)

    def test_embeddings_without_coordinates_follow_the_image(self):
        model = build(perturbed=False, semi_convolutional=False)
        noise, images = helpers.noise_of(model, 1), helpers.unit_images(2, SHAPE)
        masks = [model(images[i:i + 1], noise=noise)["attention_masks"] for i in (0, 1)]
        self.assertGreater(helpers.largest_difference(*masks), 0.01)

    def test_what_cannot_work_is_refused(self):
        for shape, changes, message in ((SHAPE, {"feature_size": 72}, "multiple of 8 and at most 64"),
                                        (SHAPE, {"feature_size": 12}, "multiple of 8 and at most 64"),
                                        (SHAPE, {"padded_slots": "some"}, "choose one of: masked, reference"),
                                        ((35, 35, 3), {}, "they are 35x35"), ((64, 32, 3), {}, "they are 64x32")):
            with self.assertRaisesRegex(UserError, message):
                build(shape, **changes)


class DynamicSlotsTest(unittest.TestCase):
    """`min_slot_mass` is for 64x64 pixels: 640 are 40 of 16x16."""

    def setUp(self):
        self.fixed = build(mask_loss=True)
        self.options = {"mask_loss": True, "dynamic_slots": True, "min_slot_mass": 640.0}

    def dynamic(self, **changes):
        return helpers.copy_weights(self.fixed, build(**{**self.options, **changes}))

    def test_an_image_of_a_batch_has_the_outputs_that_it_has_alone(self):
        model, image = self.dynamic(), helpers.unit_images(6, SHAPE)
        noise = helpers.noise_of(model, 6)
        together = model(image, noise=noise)
        terms = model.losses_of(image, together)
        used = helpers.array(together["num_used_slots"]).astype(int)
        self.assertGreater(len(set(used)), 1, used)
        for i, count in enumerate(used):
            few = {"scores": noise["scores"][i:i + 1], "latents": noise["latents"][i:i + 1, :count]}
            alone = self.fixed(image[i:i + 1], noise=few, num_slots=int(count))
            for name in ("masks", "attention_masks", "components", "slots", "latents", "kl"):
                np.testing.assert_allclose(together[name][i, :count], alone[name][0], atol=2e-5, err_msg=name)
            for name in ("masks", "attention_masks", "kl"):
                np.testing.assert_array_equal(together[name][i, count:], 0.0, name)
            np.testing.assert_allclose(together["reconstruction"][i], alone["reconstruction"][0], atol=2e-5)
            for name, value in self.fixed.losses_of(image[i:i + 1], alone).items():
                np.testing.assert_allclose(terms[name][i], value[0], rtol=2e-5, err_msg=name)

    def test_padded_slots_of_the_reference_take_part(self):
        masked, reference = (outputs_of(self.dynamic(padded_slots=mode), 6) for mode in ("masked", "reference"))
        np.testing.assert_array_equal(reference["num_used_slots"], masked["num_used_slots"])
        np.testing.assert_array_equal(reference["attention_masks"], masked["attention_masks"])
        absent = np.arange(4) >= masked["num_used_slots"][:, None]
        self.assertTrue(absent.any())
        self.assertGreater(reference["masks"][absent].max(axis=(1, 2)).min(), 1e-4)
        self.assertEqual(masked["masks"][absent].max(), 0.0)
        self.assertGreater(np.abs(reference["kl"][absent]).min(), 1e-4)

    def test_training_has_all_slots(self):
        outputs, fixed = outputs_of(self.dynamic(), training=True), outputs_of(self.fixed)
        self.assertEqual(helpers.largest_difference(outputs, fixed), 0.0)


class DivergenceWeightTest(unittest.TestCase):
    def losses(self, model):
        image = helpers.unit_images(2, SHAPE)
        terms = model.losses_of(image, model(image, noise=helpers.noise_of(model, 2)))
        return {name: helpers.array(value) for name, value in terms.items()}

    def test_beta_weighs_both_divergences_and_follows_the_error(self):
        model = build(mask_loss=True)
        before = self.losses(model)
        model.schedule.beta.assign(0.25)
        terms = self.losses(model)
        np.testing.assert_array_equal(terms["err"], before["err"])
        np.testing.assert_allclose(terms["loss"], terms["err"] + 0.25 * (terms["kl_l"] + terms["kl_m"]), rtol=1e-6)
        np.testing.assert_array_equal(terms["beta"], [0.25, 0.25])
        np.testing.assert_allclose(terms["err"], 768 * terms["err_element"], rtol=1e-6)
        model.after_step({name: tf.constant(value.mean()) for name, value in terms.items()})
        rate, goal = 1e-5 * 16, 0.5655 * 768  # the step size grows as the image shrinks
        self.assertAlmostEqual(float(model.schedule.beta.value), 0.25 * np.exp(rate * (goal - terms["err"].mean())), 5)

    def test_other_schedules(self):
        constant = build(beta_schedule="constant", beta=0.3)
        warmup = build(beta_schedule="warmup", beta=0.8, beta_warmup_steps=4)
        for step in range(6):
            np.testing.assert_allclose(self.losses(constant)["beta"], 0.3)
            np.testing.assert_allclose(self.losses(warmup)["beta"], 0.2 * min(step, 4), rtol=1e-6)
            for model in (constant, warmup):
                model.after_step({"err": tf.constant(500.0)})

    def test_weight_of_geco_starts_and_ends_where_it_shall(self):
        schedule = build(geco_start=0.02, geco_minimum=0.01).schedule
        self.assertAlmostEqual(float(schedule.beta.value), 0.02, 7)
        schedule.update(1e6)
        self.assertAlmostEqual(float(schedule.beta.value), 0.01, 7)

    def test_configuration_keeps_the_schedule(self):
        model = build(beta_schedule="warmup", beta_warmup_steps=7)
        twin = type(model).from_config(model.get_config()).build_on_zeros()
        self.assertEqual(twin.schedule.num_steps, 7)
        self.assertEqual({field.name for field in dataclasses.fields(genesis_config.GenesisV2Config)}
                         | {"image_shape", "name"}, set(model.get_config()))


if __name__ == "__main__":
    unittest.main()
