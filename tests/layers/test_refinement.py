"""The parts of IODINE's refinement: inputs, network, gated update, start, and the density of a pixel."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.initial_posterior import InitialPosterior
from tfobj.layers.pixel_density import PixelDensity
from tfobj.layers.predictor_corrector import PredictorCorrector
from tfobj.layers.refinement_inputs import FLAT, OF_SLOTS, SPATIAL, RefinementInputs
from tfobj.layers.refinement_network import RefinementNetwork
from tfobj.ops import coordinates
from tfobj.ops.distributions import pixel_log_density

B, K, H, W, C, Z = 2, 3, 4, 6, 3, 5
SHARED = ("image", "log_prob")
MADE = ("capacity", "coordinates", "flat_capacity")


def raw_values(seed=0):
    """What a model gives to `RefinementInputs`, dict of float32 arrays."""
    generator, values = np.random.default_rng(seed), {}
    for name in (*SPATIAL, *FLAT):
        if name not in MADE:
            shape = (B, 1 if name in SHARED else K, H, W, C if name in ("components", "dcomponents", "image") else 1)
            shape = (B, K, 2 * Z) if name in FLAT else shape
            values[name] = generator.normal(3.0, 2.0, size=shape).astype(np.float32)
    return values


class RefinementInputsTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.values = raw_values()

    def inputs(self, values=None, **arguments):
        layer = RefinementInputs((H, W, C), Z, **arguments)
        return layer, {name: helpers.array(value) for name, value in layer(values or self.values).items()}

    def test_names_and_shapes(self):
        layer, inputs = self.inputs()
        self.assertEqual(tuple(inputs), (*SPATIAL, *FLAT))
        self.assertEqual(inputs["capacity"].shape, (B, K, H, W, 1))
        self.assertEqual(inputs["coordinates"].shape, (B, 1, H, W, 2))
        self.assertEqual(inputs["flat_capacity"].shape, (B, K, 1))
        for name, value in self.values.items():
            self.assertEqual(inputs[name].shape, value.shape, name)
        self.assertEqual(helpers.count_parameters(layer), 2 * (1 + C + 1 + 2 * Z + 1))

    def test_what_is_not_normalised_passes(self):
        _, inputs = self.inputs()
        for name in ("components", "image", "mask", "posterior", "pred_mask", "zp"):
            np.testing.assert_array_equal(inputs[name], self.values[name], name)
        for name in ("capacity", "flat_capacity"):
            np.testing.assert_array_equal(inputs[name], 0.5)

    def test_statistics_are_of_each_slot_over_pixels_and_channels_together(self):
        _, inputs = self.inputs()
        for name, axes in (("dcomponents", (2, 3, 4)), ("dmask", (2, 3, 4)), ("counterfactual", (2, 3, 4)),
                           ("log_prob", (2, 3, 4)), ("dzp", 2)):
            value = self.values[name].astype(np.float64)
            mean, variance = value.mean(axis=axes, keepdims=True), value.var(axis=axes, keepdims=True)
            np.testing.assert_allclose(inputs[name], (value - mean) / np.sqrt(variance + 1e-5), atol=1e-5)

    def test_tiny_gradients_stay_tiny(self):
        """The offset 1e-5 of the variance decides about slots that explain nothing."""
        self.values["dmask"] = self.values["dmask"] * np.float32(1e-5)
        _, inputs = self.inputs()
        self.assertLess(np.abs(inputs["dmask"]).max(), 0.05)

    def test_gradients_are_stopped_and_reach_gain_and_offset(self):
        layer, _ = self.inputs()
        values = {name: tf.constant(value) for name, value in self.values.items()}
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = sum(tf.reduce_sum(tf.sin(value)) for value in layer(values).values())
        gradients, weights = tape.gradient(total, [values, [weight.value for weight in layer.trainable_variables]])
        stopped = {name for name, gradient in gradients.items() if gradient is None}
        self.assertEqual(stopped, {"counterfactual", "dcomponents", "dmask", "dzp", "log_prob"})
        self.assertTrue(all(np.abs(gradient).max() > 0.0 for gradient in weights))

    def test_linear_coordinates_are_x_then_y(self):
        _, inputs = self.inputs()
        np.testing.assert_allclose(inputs["coordinates"][1, 0, 0, :, 0], np.linspace(-1, 1, W), atol=1e-6)
        np.testing.assert_allclose(inputs["coordinates"][1, 0, :, 0, 1], np.linspace(-1, 1, H), atol=1e-6)

    def test_cosine_coordinates(self):
        _, inputs = self.inputs(coordinate_type="cosine", num_frequencies=4)
        expected = np.broadcast_to(coordinates.cosine_grid(H, W, 4), (B, H, W, 15))
        np.testing.assert_allclose(inputs["coordinates"][:, 0], expected, atol=1e-6)

    def test_excluded_inputs_have_no_weights(self):
        values = {name: value for name, value in self.values.items() if name not in ("dzp", "image")}
        layer, inputs = self.inputs(values, excluded=("dzp", "image", "capacity"))
        self.assertEqual(set(inputs), {*SPATIAL, *FLAT} - {"dzp", "image", "capacity"})
        self.assertEqual(helpers.count_parameters(layer), 2 * (1 + C + 1 + 1))

    def test_wrong_names_are_errors(self):
        with self.assertRaisesRegex(UserError, "--excluded_inputs=dz,image: 'dz' is no input of the refinement"):
            RefinementInputs((H, W, C), Z, excluded=("dz", "image"))
        with self.assertRaisesRegex(UserError, "leaves the refinement network without any map"):
            RefinementInputs((H, W, C), Z, excluded=SPATIAL)
        with self.assertRaisesRegex(UserError, "nothing that differs between slots; keep one of components, "):
            RefinementInputs((H, W, C), Z, excluded=OF_SLOTS)


class RefinementNetworkTest(unittest.TestCase):
    arguments = {"filters": (4, 5), "kernel_size": 3, "mlp_sizes": (6, 7), "lstm_size": 8}

    def setUp(self):
        keras.utils.set_random_seed(0)
        self.inputs = RefinementInputs((H, W, C), Z)(raw_values())
        self.parameters = raw_values(1)["zp"]

    def refine(self, layer, inputs=None):
        state = layer.initial_state(tf.constant(self.parameters))
        return layer(inputs or self.inputs, self.parameters, state)

    def test_layer(self):
        for changes, extra in (({}, 0), ({"lstm_size": 0}, 0), ({"head": "predictor_corrector"}, 1)):
            arguments = {**self.arguments, **changes, "head_options": {"hidden_size": 9} if extra else None}
            core = 7 + 4 * Z + 1
            features = arguments["lstm_size"] or core
            count = (9 * 18 * 4 + 4) + (9 * 4 * 5 + 5) + (5 * 6 + 6) + (6 * 7 + 7)
            count += 4 * 8 * (core + 8 + 1) if arguments["lstm_size"] else 0
            count += (1 + extra) * (features * 2 * Z + 2 * Z) + extra * (2 * Z * 9 + 9 + 9 * 4 * Z + 4 * Z)
            state = [np.zeros((B * K, 8), np.float32)] * 2 if arguments["lstm_size"] else []
            helpers.run_layer_test(
                self, RefinementNetwork, arguments, self.inputs, self.parameters.shape, count, pick=lambda out: out[0],
                call_arguments={"parameters": self.parameters, "state": state},
                inert=("lstm/recurrent_kernel",) if state else ())

    def test_additive_head_adds(self):
        layer = RefinementNetwork(**self.arguments)
        self.refine(layer)
        layer.update.kernel.assign(np.zeros((8, 2 * Z)))
        layer.update.bias.assign(np.arange(2.0 * Z))
        np.testing.assert_allclose(self.refine(layer)[0], self.parameters + np.arange(2.0 * Z), rtol=1e-6)

    def test_maps_come_in_the_order_of_the_names_and_shared_ones_for_every_slot(self):
        stages = self.refine(RefinementNetwork(**self.arguments))[2]
        expected = np.concatenate([np.broadcast_to(self.inputs[name], (B, K, H, W, self.inputs[name].shape[-1]))
                                   for name in sorted(SPATIAL)], axis=-1)
        np.testing.assert_array_equal(stages["encoder_input"], expected)
        vectors = [stages["encoded"], *(self.inputs[name] for name in sorted(FLAT))]
        np.testing.assert_array_equal(stages["core_input"], np.concatenate(vectors, axis=-1))

    def test_without_non_linearity_behind_the_pooling(self):
        """A single dense layer is linear, as in the models of Multi-dSprites and Tetrominoes."""
        layer = RefinementNetwork(**{**self.arguments, "mlp_sizes": (6,), "lstm_size": 0})
        self.refine(layer)
        self.assertEqual([dense.activation for dense in layer.mlp], [keras.activations.linear])
        self.assertEqual({conv.activation for conv in layer.convolutions}, {keras.activations.elu})

    def test_state_is_carried(self):
        layer = RefinementNetwork(**self.arguments)
        _, state, stages = self.refine(layer)
        _, later, _ = layer(self.inputs, self.parameters, state)
        np.testing.assert_array_equal(np.reshape(state[0], (B, K, 8)), stages["core_output"])
        self.assertGreater(helpers.largest_difference(state, later), 1e-3)

    def test_initialisation(self):
        layer = RefinementNetwork(filters=(64,), mlp_sizes=(64,), lstm_size=128)
        self.refine(layer)
        fan_in = 64 + 4 * Z + 1 + 128
        for weight, fan in ((layer.lstm.kernel, fan_in), (layer.lstm.recurrent_kernel, fan_in),
                            (layer.mlp[0].kernel, 64), (layer.convolutions[0].kernel, 9 * 18)):
            values = helpers.array(weight) * np.sqrt(fan)
            self.assertAlmostEqual(values.std(), 0.88, delta=0.03, msg=weight.path)
            self.assertLessEqual(np.abs(values).max(), 2.0 + 1e-5)
        bias = helpers.array(layer.lstm.bias).reshape(4, 128)
        np.testing.assert_allclose(bias.mean(axis=1), [0.0, 1.0, 0.0, 0.0], atol=0.02)
        self.assertAlmostEqual(bias[1].std() * np.sqrt(fan_in), 0.88, delta=0.15)


class PredictorCorrectorTest(unittest.TestCase):
    features = np.random.default_rng(2).normal(size=(B, K, 6)).astype(np.float32)
    parameters = np.random.default_rng(3).normal(size=(B, K, 4)).astype(np.float32)

    def test_layer(self):
        count = 2 * (6 * 4 + 4) + (4 * 7 + 7) + (7 * 8 + 8)
        helpers.run_layer_test(self, PredictorCorrector, {"hidden_size": 7, "predictor_bias": -1.0}, self.features,
                               self.parameters.shape, count, call_arguments={"parameters": self.parameters})

    def test_gates_choose_between_parameters_update_and_prediction(self):
        for corrector_bias, predictor_bias, chosen in ((-80.0, -80.0, "old"), (80.0, -80.0, "update"),
                                                       (80.0, 80.0, "prediction")):
            layer = PredictorCorrector(corrector_bias=corrector_bias, predictor_bias=predictor_bias)
            outputs = layer(self.features, self.parameters)
            prediction = layer.predict1(layer.predict0(self.parameters))[..., :4]
            expected = {"old": self.parameters, "update": layer.update(self.features), "prediction": prediction}
            np.testing.assert_allclose(outputs, expected[chosen], atol=1e-6)


class InitialPosteriorTest(unittest.TestCase):
    def test_layer_and_its_range(self):
        noise = np.zeros((B, K, 4, 8), np.float32)
        layer = helpers.run_layer_test(self, InitialPosterior, {"latent_size": 8}, noise, (B, K, 16), 16)
        outputs = helpers.array(layer(noise))
        np.testing.assert_array_equal(outputs, np.broadcast_to(outputs[:1, :1], outputs.shape))
        values = np.concatenate([helpers.array(InitialPosterior(8)(noise))[0, 0] for _ in range(20)])
        self.assertTrue(0.41 < np.abs(values).max() <= np.sqrt(3.0 / 16))


class PixelDensityTest(unittest.TestCase):
    mean = np.random.default_rng(4).uniform(size=(B, K, H, W, C)).astype(np.float32)
    image = np.random.default_rng(5).uniform(size=(B, H, W, C)).astype(np.float32)

    def test_fixed_scale_has_no_weight(self):
        layer = PixelDensity("logistic", 0.05)
        expected = pixel_log_density(self.image, self.mean, 0.05, "logistic")
        np.testing.assert_array_equal(layer(self.mean, self.image), expected)
        self.assertEqual(layer.weights, [])

    def test_trained_scale_starts_at_a_tenth_and_learns(self):
        for density in ("normal", "logistic"):
            layer = PixelDensity(density, None)
            with tf.GradientTape() as tape:
                loss = -tf.reduce_sum(layer(self.mean, self.image))
            expected = pixel_log_density(self.image, self.mean, 0.1, density)
            np.testing.assert_allclose(layer(self.mean, self.image), expected, rtol=1e-4, atol=1e-4)
            gradient, = tape.gradient(loss, [layer.log_scale.value])
            self.assertLess(float(gradient), -100.0)  # the errors are larger than the scale, which should grow


if __name__ == "__main__":
    unittest.main()
