"""What the GENESIS family logs of a training step: GECO's way, divergences of each slot, the same for many devices."""

import dataclasses
import unittest

import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import MODELS
from tests.conformance.test_two_devices import two_devices

GENERATIVE = tuple(descriptor for descriptor in MODELS if hasattr(descriptor.config, "geco_goal"))


def training_terms(model, image):
    """Terms of one training step without an update, dict of arrays [B]."""
    terms = model.training_terms(image, image, helpers.noise_of(model, len(image)))
    return {name: helpers.array(value) for name, value in terms.items()}


class GenerativeModelTest(unittest.TestCase):
    def test_divergences_of_slots_make_those_of_the_image(self):
        self.assertEqual([descriptor.name for descriptor in GENERATIVE], ["genesis_v2", "genesis", "monet_g"])
        for descriptor in GENERATIVE:
            model = descriptor.build()
            image = helpers.unit_images(2, descriptor.image_shape)
            terms = training_terms(model, image)
            names = ("kl_l", "kl_m") if descriptor.name == "genesis" else ("kl_l",)
            for name in names:
                slots = [terms[f"{name}_{k}"] for k in range(model.num_slots)]
                np.testing.assert_allclose(np.sum(slots, axis=0), terms[name], rtol=1e-4, atol=1e-3)
                self.assertGreater(np.ptp(slots), 1e-3, name)
            self.assertEqual("kl_m_0" in terms, descriptor.name == "genesis")
            self.assertNotIn(f"kl_l_{model.num_slots}", terms)
            outputs = model(image, noise=helpers.noise_of(model, 2), training=True)
            mse = np.mean((image - helpers.array(outputs["reconstruction"]))**2, axis=(1, 2, 3))
            np.testing.assert_allclose(terms["rmse"], np.sqrt(mse), rtol=1e-5)
            np.testing.assert_allclose(terms["objective"], terms["err"] + terms["kl_l"] + terms["kl_m"], rtol=1e-6)

    def test_beta_is_that_of_the_loss_and_the_average_that_of_after_the_step(self):
        descriptor = GENERATIVE[0]
        model = descriptor.build()
        elements, averages, betas = np.prod(descriptor.image_shape), [], []
        for seed in range(3):
            terms = training_terms(model, helpers.unit_images(2, descriptor.image_shape) / (1 + seed))
            means = {name: np.mean(value) for name, value in terms.items()}
            self.assertAlmostEqual(means["beta"], float(model.schedule.beta.value), places=6)
            expected = 0.99 * averages[-1] + 0.01 * means["err"] if averages else means["err"]
            np.testing.assert_allclose(means["err_average"], expected, rtol=1e-6)
            np.testing.assert_allclose(means["err_average_element"], expected / elements, rtol=1e-6)
            model.after_step({name: tf.constant(value) for name, value in means.items()})
            np.testing.assert_allclose(model.schedule.average.numpy(), expected, rtol=1e-6)
            averages.append(expected)
            betas.append(means["beta"])
        self.assertEqual(betas[0], 1.0)
        self.assertEqual(len(set(betas)), 3, betas)

    def test_two_devices_log_what_one_logs(self):
        descriptor = GENERATIVE[0]
        one = training_runs.train(descriptor, 2, optimizer="sgd", learning_rate=0.03)
        two = training_runs.train(descriptor, 2, two_devices(), optimizer="sgd", learning_rate=0.03)
        self.assertEqual(set(one.terms), set(two.terms))
        for name in ("beta", "err_average", "err_average_element", "err_element", "rmse", "kl_l_0", "kl_l_2"):
            np.testing.assert_allclose(two.terms[name], one.terms[name], rtol=1e-5, err_msg=name)
        # The average of two steps, not of one, and that which GECO holds.
        self.assertNotAlmostEqual(two.terms["err_average"], two.terms["err"], places=3)
        self.assertAlmostEqual(two.terms["err_average"], float(one.model.schedule.average.value), places=3)

    def test_without_geco_there_is_no_average(self):
        descriptor = GENERATIVE[2]
        model = descriptor.build(model_config=dataclasses.replace(descriptor.config, beta_schedule="constant"))
        terms = training_terms(model, helpers.unit_images(2, descriptor.image_shape))
        self.assertNotIn("err_average", terms)
        np.testing.assert_allclose(terms["beta"], 0.5)


if __name__ == "__main__":
    unittest.main()
