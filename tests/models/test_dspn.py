"""The DSPN model: sizes, conversions between sets and predictions, losses."""

import dataclasses
import unittest

import keras
import numpy as np

from tests import helpers
from tests import sets
from tfobj import properties
from tfobj.errors import UserError
from tfobj.models import dspn
from tfobj.set_prediction_config import DspnConfig

SMALL = {"num_slots": 4, "num_iterations": 2, "encoder_channels": 4, "encoder_blocks": (1, 1), "latent_size": 6,
         "set_hidden_size": 7, "num_pieces": 4}
SHAPE = (16, 16, 3)


class DspnTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.image = helpers.unit_images(3, SHAPE)
        self.targets = sets.random_targets(3, 4, np.random.default_rng(0))

    def model(self, **changes):
        keras.utils.set_random_seed(0)
        return helpers.perturb(dspn.Dspn(SHAPE, **{**SMALL, **changes}).build_on_zeros())

    def test_the_published_size(self):
        model = dspn.Dspn((128, 128, 3), **dataclasses.asdict(DspnConfig(num_iterations=1))).build_on_zeros()
        self.assertEqual(helpers.count_parameters(model), 21_284_672 + 3_409_920 + 293_376 + 10 * 18 + 10)
        tail = sum(helpers.count_parameters(layer) for layer in (model.tail0, model.tail_norm, model.tail1))
        self.assertEqual(tail, 3_409_920)

    def test_predictions_are_elements_with_their_mask(self):
        model = self.model()
        outputs = model(self.image, noise={})
        self.assertEqual((outputs["predictions"].shape, outputs["slots"].shape), ((3, 4, 19), (3, 4, 18)))
        rows, elements = helpers.array(outputs["predictions"]), helpers.array(outputs["slots"])
        np.testing.assert_allclose(rows[..., :3] * 2.0 - 1.0, elements[..., :3], atol=1e-6)
        np.testing.assert_array_equal(rows[..., 3:18], elements[..., 3:])
        self.assertTrue((rows[..., properties.PRESENCE] >= 0.0).all())

    def test_the_true_set_costs_nothing_in_any_order(self):
        model = self.model()
        latents = model(self.image, noise={})["latents"]
        # Padding is zero in the coordinates of DSPN, the middle of ours.
        rows = self.targets[:, ::-1].copy()
        rows[..., properties.COORDINATES] += 0.5 * (1.0 - rows[..., properties.PRESENCE:])
        terms = model.losses_of(self.targets, {"predictions": keras.ops.convert_to_tensor(rows), "latents": latents})
        np.testing.assert_allclose(terms["set"], 0.0, atol=1e-12)
        np.testing.assert_allclose(terms["loss"], 0.1 * np.asarray(terms["representation"]), rtol=1e-6)
        self.assertTrue((np.asarray(terms["representation"]) > 0.0).all())

    def test_with_fewer_elements_the_objects_that_fit_best_are_compared(self):
        model, targets = self.model(), np.random.default_rng(1).random((2, 7, 19), np.float32)
        targets[..., properties.PRESENCE] = 1.0
        chosen = np.array([[6, 0, 3, 2], [5, 4, 3, 6]])
        predictions = keras.ops.convert_to_tensor(np.take_along_axis(targets, chosen[..., None], axis=1))
        np.testing.assert_array_equal(helpers.array(model.pairs(targets, predictions)).argmax(axis=1), chosen)
        terms = model.losses_of(targets, {"predictions": predictions, "latents": np.zeros((2, 6), np.float32)})
        np.testing.assert_allclose(terms["set"], 0.0, atol=1e-12)

    def test_the_papers_iterations(self):
        self.assertEqual(dspn.Dspn(SHAPE, **{**SMALL, "num_iterations": 10}).tested_iterations, (10, 20, 30))

    def test_the_loss_may_be_that_of_all_steps(self):
        model = self.model(iteration_loss="mean")
        mean = model.losses_of(self.targets, model(self.image, noise={}))["set"]
        plain = self.model()
        steps = [plain.losses_of(self.targets, plain(self.image, noise={}, num_iterations=number))["set"]
                 for number in (1, 2)]
        np.testing.assert_allclose(mean, np.mean(steps, axis=0), rtol=1e-5)

    def test_the_size_of_the_set_is_fixed_and_nothing_is_drawn(self):
        model = self.model()
        self.assertEqual(model.noise_spec(2), {})
        self.assertEqual(model.noise_spec(2, num_slots=4), {})
        with self.assertRaisesRegex(UserError, "num_slots=5 but DSPN has learned a start of exactly 4 elements"):
            model.noise_spec(2, num_slots=5)
