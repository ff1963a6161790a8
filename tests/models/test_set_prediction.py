"""Models that predict sets: sizes, losses, overrides."""

import dataclasses
import unittest

import keras
import numpy as np

from tests import helpers
from tests import sets
from tfobj import properties
from tfobj import set_prediction_config as configs
from tfobj.errors import UserError
from tfobj.models.set_prediction import SlotAttentionSetPredictor
from tfobj.models.slot_mlp import SlotMlpAutoencoder
from tfobj.models.slot_mlp_properties import SlotMlpSetPredictor
from tfobj.tasks.set_prediction import PRECISIONS, SetPrediction

SMALL = {"encoder_channels": 6, "encoder_strides": (2, 1), "slot_size": 8, "head_hidden_size": 7}
SHAPE = (16, 16, 3)


def slot_attention(**changes):
    """A small Slot Attention model for 4 objects."""
    keras.utils.set_random_seed(0)
    options = {**SMALL, "num_slots": 4, "num_iterations": 2, "mlp_hidden_size": 9, **changes}
    return helpers.perturb(SlotAttentionSetPredictor(SHAPE, **options).build_on_zeros())


class SetPredictorTest(unittest.TestCase):
    def setUp(self):
        self.image = helpers.unit_images(3, SHAPE)
        self.targets = sets.random_targets(3, 5, np.random.default_rng(0))

    def losses(self, model, targets=None, **overrides):
        noise = helpers.noise_of(model, 3, num_slots=overrides.get("num_slots"))
        outputs = model(self.image, noise=noise, **overrides)
        terms = model.losses_of(self.targets if targets is None else targets, outputs)
        return {name: helpers.array(value) for name, value in terms.items()}

    def test_published_sizes(self):
        for model_class, config, count in (
                (SlotAttentionSetPredictor, configs.SlotAttentionPropertiesConfig(), 380_755),
                (SlotMlpSetPredictor, configs.SlotMlpPropertiesConfig(), 9_306_515),
                (SlotMlpAutoencoder, configs.SlotMlpConfig(), 11_267_524)):
            model = model_class((128, 128, 3), **dataclasses.asdict(config)).build_on_zeros()
            self.assertEqual(helpers.count_parameters(model), count)

    def test_targets_come_from_the_factors_of_a_batch(self):
        objects, visibility = sets.factors_of(self.targets)
        model = slot_attention()
        found = model.target_of(self.image, {"objects": objects, "visibility": visibility})
        np.testing.assert_allclose(found, self.targets, atol=1e-6)
        self.assertEqual((model.needs_factors, model.target_shape), (True, (4, 19)))

    def test_the_order_of_the_objects_is_irrelevant(self):
        model = slot_attention(num_slots=5)
        first, second = self.losses(model), self.losses(model, self.targets[:, [2, 0, 4, 1, 3]])
        np.testing.assert_allclose(first["loss"], second["loss"], rtol=1e-6)

    def test_as_many_rows_as_slots_take_part(self):
        model = slot_attention(num_slots=5)
        padded = np.pad(self.targets, [(0, 0), (0, 4), (0, 0)])
        np.testing.assert_array_equal(self.losses(model)["loss"], self.losses(model, padded)["loss"])
        fewer, more = self.losses(model, num_slots=3)["loss"], self.losses(model, num_slots=9)["loss"]
        self.assertTrue((fewer < more).all(), "what has no object shall learn so")

    def test_with_fewer_slots_the_objects_that_fit_best_are_compared(self):
        targets = np.random.default_rng(3).random((2, 6, 19), np.float32)
        targets[..., properties.PRESENCE] = 1.0
        chosen = np.array([[5, 2, 4], [1, 5, 0]])
        model = slot_attention(num_slots=3)
        predictions = keras.ops.convert_to_tensor(np.take_along_axis(targets, chosen[..., None], axis=1))
        np.testing.assert_array_equal(model.losses_of(targets, {"predictions": predictions})["loss"], 0.0)
        pairs = helpers.array(model.pairs(targets, predictions))
        np.testing.assert_array_equal(pairs.argmax(axis=1), chosen)
        padded = np.concatenate([np.zeros((2, 2, 19), np.float32), targets, np.zeros((2, 1, 19), np.float32)], axis=1)
        np.testing.assert_array_equal(helpers.array(model.pairs(padded, predictions)).argmax(axis=1), chosen + 2)

    def test_losses_of_iterations(self):
        for number in (1, 3):
            plain = self.losses(slot_attention(num_iterations=number))["loss"]
            mean, total = (self.losses(slot_attention(num_iterations=number, iteration_loss=loss))
                           for loss in ("mean", "sum"))
            np.testing.assert_allclose(total["loss"], number * mean["loss"], rtol=1e-6)
            np.testing.assert_array_equal(mean["last"], plain)
            (self.assertEqual if number == 1 else self.assertNotEqual)(list(mean["loss"]), list(plain))
        earlier = [self.losses(slot_attention(num_iterations=number))["loss"] for number in (1, 2, 3)]
        np.testing.assert_allclose(total["loss"], np.sum(earlier, axis=0), rtol=1e-5)

    def test_a_larger_scale_weighs_coordinates_more(self):
        scaled, plain = slot_attention(coordinate_scale=2.0), slot_attention()
        far = self.targets.copy()
        far[..., properties.COORDINATES] += 0.2 * far[..., properties.PRESENCE:]
        outputs = {"predictions": keras.ops.convert_to_tensor(far)}
        number = self.targets[..., properties.PRESENCE][:, :4].sum(axis=1)
        for model, scale in ((plain, 1.0), (scaled, 2.0)):
            # 4 rows of predictions for at most 4 of the 5 objects, each wrong by 0.2 in three places
            loss = model.losses_of(self.targets[:, :4], {"predictions": outputs["predictions"][:, :4]})["loss"]
            np.testing.assert_allclose(loss, number * 3 * 0.5 * (0.2 * scale)**2 / 19, rtol=1e-4)

    def test_the_papers_iterations(self):
        self.assertEqual(slot_attention(num_iterations=3).tested_iterations, (3, 4, 5, 6, 7))
        self.assertEqual(SlotMlpSetPredictor(SHAPE, num_slots=4, slot_mlp_sizes=(9,)).tested_iterations, ())

    def test_perfect_predictions_have_precision_1_at_any_scale(self):
        for scale in (0.5, 1.0, 2.0):
            model = slot_attention(num_slots=5, coordinate_scale=scale)
            outputs = {"predictions": keras.ops.convert_to_tensor(self.targets[:, ::-1])}
            np.testing.assert_array_equal(model.losses_of(self.targets, outputs)["loss"], 0.0)
            values = SetPrediction().values_of({}, outputs, self.targets, None)
            scores = SetPrediction().summary({name: helpers.array(value) for name, value in values.items()})
            self.assertEqual({scores[name] for name in PRECISIONS}, {1.0})

    def test_slots_and_iterations_may_be_others(self):
        model = slot_attention()
        outputs = model(self.image, noise=helpers.noise_of(model, 3, num_slots=6), num_slots=6, num_iterations=5)
        self.assertEqual((outputs["predictions"].shape, outputs["attention"].shape), ((3, 6, 19), (3, 5, 6, 8, 8)))
        none = model(self.image, noise=helpers.noise_of(model, 3), num_iterations=0)
        self.assertEqual((set(none), none["predictions"].shape), ({"slots", "predictions"}, (3, 4, 19)))

    def test_the_slots_of_a_slot_mlp_are_fixed_and_draw_nothing(self):
        for model_class in (SlotMlpSetPredictor, SlotMlpAutoencoder):
            options = {name: value for name, value in SMALL.items() if "head" not in name}
            if model_class is SlotMlpAutoencoder:
                options.update(decoder_channels=4, decoder_strides=(2, 2), decoder_broadcast_size=0)
            model = model_class(SHAPE, num_slots=4, slot_mlp_sizes=(9,), **options).build_on_zeros()
            self.assertEqual(model.noise_spec(2), {})
            with self.assertRaisesRegex(UserError, "num_slots=5 but a Slot MLP has weights for exactly 4 slots"):
                model.noise_spec(2, num_slots=5)
            self.assertEqual(model(self.image, noise={})["slots"].shape, (3, 4, 8))
