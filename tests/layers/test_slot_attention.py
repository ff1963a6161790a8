"""The Slot Attention module: invariances, overrides, initial slots, and soft k-means in closed form."""

import math
import unittest
import warnings

import keras
import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.slot_attention import SlotAttention

B, N, F, K, D = 2, 10, 6, 4, 8


def normal(*shape, seed=0):
    """Standard normal float32 array."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layer_of(feature_size=F, **options):
    """A built layer with weights away from their initial values; equal shapes get equal weights."""
    keras.utils.set_random_seed(0)
    layer = SlotAttention(**{"num_slots": K, "slot_size": D, "mlp_hidden_size": 12, **options})
    layer.build((None, None, feature_size))
    return helpers.perturb(layer)


def softmax(logits, axis):
    """Softmax in float64."""
    weights = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


class SlotAttentionTest(unittest.TestCase):
    def setUp(self):
        self.inputs, self.noise = normal(B, N, F, seed=1), normal(B, K, D, seed=2)

    def run_layer(self, layer, **arguments):
        return {name: [helpers.array(v) for v in value] if isinstance(value, list) else helpers.array(value)
                for name, value in layer(self.inputs, **arguments).items()}

    def test_permuting_inputs_leaves_slots(self):
        layer, order = layer_of(), np.random.default_rng(3).permutation(N)
        slots = helpers.array(layer(self.inputs, noise=self.noise)["slots"])
        permuted = helpers.array(layer(self.inputs[:, order], noise=self.noise)["slots"])
        np.testing.assert_allclose(permuted, slots, atol=1e-5)

    def test_permuting_initial_slots_permutes_outputs(self):
        layer, order = layer_of(), [2, 0, 3, 1]
        first, second = self.run_layer(layer, noise=self.noise), self.run_layer(layer, noise=self.noise[:, order])
        np.testing.assert_allclose(second["slots"], first["slots"][:, order], atol=1e-5)
        for t in range(3):
            np.testing.assert_allclose(second["attention"][t], first["attention"][t][..., order], atol=1e-5)

    def test_attention_sums_to_one_over_slots_and_weights_over_inputs(self):
        outputs = self.run_layer(layer_of(), noise=self.noise)
        for attention, weights in zip(outputs["attention"], outputs["weights"], strict=True):
            np.testing.assert_allclose(attention.sum(axis=2), 1.0, atol=1e-5)
            np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
            self.assertGreater(np.ptp(attention), 0.01)

    def test_softmax_over_inputs_sums_to_one_over_inputs_and_aggregates_itself(self):
        outputs = self.run_layer(layer_of(softmax_axis="inputs"), noise=self.noise)
        for attention, weights in zip(outputs["attention"], outputs["weights"], strict=True):
            np.testing.assert_allclose(attention.sum(axis=1), 1.0, atol=1e-5)
            np.testing.assert_array_equal(attention, weights)

    def test_sums_are_means_times_the_attention_of_a_slot(self):
        mean, total = layer_of(), layer_of(aggregation="sum")
        first = self.run_layer(mean, noise=self.noise)
        second = self.run_layer(helpers.copy_weights(mean, total), noise=self.noise)
        mass = first["attention"][0].sum(axis=1)[..., None]  # [B,K,1]
        np.testing.assert_allclose(second["updates"][0], first["updates"][0] * mass, rtol=1e-4, atol=1e-5)

    def test_number_of_slots_and_iterations_can_change_at_each_call(self):
        layer = layer_of()
        for num_slots, num_iterations in ((4, 3), (7, 3), (2, 5), (4, 1)):
            noise = normal(B, num_slots, D, seed=num_slots)
            outputs = layer(self.inputs, noise=noise, num_iterations=num_iterations)
            self.assertEqual(tuple(outputs["slots"].shape), (B, num_slots, D))
            for name in ("attention", "weights", "updates", "states", "iterates"):
                self.assertEqual(len(outputs[name]), num_iterations)
        self.assertEqual(len(layer(self.inputs, noise=self.noise)["attention"]), 3)

    def test_more_iterations_continue_the_shorter_run(self):
        layer = layer_of()
        long = self.run_layer(layer, noise=self.noise, num_iterations=5)
        short = self.run_layer(layer, noise=self.noise, num_iterations=2)
        np.testing.assert_allclose(long["iterates"][1], short["slots"], atol=1e-6)
        resumed = self.run_layer(layer, slots=short["slots"], num_iterations=3)
        np.testing.assert_allclose(resumed["slots"], long["slots"], atol=1e-5)

    def test_no_iteration_returns_the_initial_slots(self):
        layer = layer_of()
        outputs = self.run_layer(layer, noise=self.noise, num_iterations=0)
        expected = helpers.array(layer.slots_mu) + np.exp(helpers.array(layer.slots_log_sigma)) * self.noise
        np.testing.assert_allclose(outputs["slots"], expected, atol=1e-6)
        np.testing.assert_array_equal(outputs["slots"], outputs["slots_init"])
        self.assertEqual(outputs["attention"], [])

    def test_single_slot_attends_to_everything(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras doubts that a softmax over one entry is meant
            outputs = self.run_layer(layer_of(), noise=self.noise[:, :1])
        for attention, weights in zip(outputs["attention"], outputs["weights"], strict=True):
            np.testing.assert_array_equal(attention, np.ones((B, N, 1)))
            np.testing.assert_allclose(weights, 1.0 / N, rtol=1e-6)

    def test_explicit_slots_win_over_noise(self):
        layer, slots = layer_of(), normal(B, K, D, seed=5)
        both = self.run_layer(layer, slots=slots, noise=self.noise)
        np.testing.assert_array_equal(both["slots_init"], slots)
        np.testing.assert_array_equal(both["slots"], self.run_layer(layer, slots=slots)["slots"])

    def test_neither_slots_nor_noise_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "initial `slots` or `noise`"):
            layer_of()(self.inputs)

    def test_equal_noise_gives_equal_slots_and_other_noise_others(self):
        layer = layer_of()
        first = self.run_layer(layer, noise=self.noise)["slots"]
        np.testing.assert_array_equal(first, self.run_layer(layer, noise=self.noise)["slots"])
        other = self.run_layer(layer, noise=normal(B, K, D, seed=9))["slots"]
        self.assertGreater(np.abs(first - other).max(), 0.1)

    def test_per_slot_parameters_refuse_another_number_of_slots(self):
        layer = layer_of(slot_init="per_slot")
        with self.assertRaisesRegex(UserError, "num_slots=5 but slot_init=per_slot has parameters for exactly 4 slots"):
            layer(self.inputs, noise=normal(B, 5, D))

    def test_initial_means_and_deviations_lie_in_the_range_of_the_reference(self):
        limit = math.sqrt(6 / 65)
        self.assertAlmostEqual(limit, 0.3038, places=4)
        for slot_init, shape in (("shared", (1, 1, 64)), ("per_slot", (1, 7, 64))):
            layer = SlotAttention(slot_init=slot_init)
            layer.build((None, None, 64))
            for variable in (layer.slots_mu, layer.slots_log_sigma):
                values = helpers.array(variable)
                self.assertEqual(values.shape, shape)
                self.assertLessEqual(np.abs(values).max(), limit)
                self.assertGreater(np.abs(values).max(), 0.8 * limit)
            self.assertGreater(np.abs(helpers.array(layer.slots_mu) - helpers.array(layer.slots_log_sigma)).max(), 0.1)

    def test_parameter_counts_of_the_reference(self):
        for feature_size, count in ((64, 54_336), (32, 50_176)):
            layer = SlotAttention()
            layer.build((None, None, feature_size))
            self.assertEqual(helpers.count_parameters(layer), count)

    def test_gradients_reach_the_initial_slots_but_not_the_inert_offset(self):
        layer = layer_of()
        values = helpers.gradients(
            layer, lambda: keras.ops.mean(keras.ops.square(layer(self.inputs, noise=self.noise)["slots"])))
        for name in ("slots_mu", "slots_log_sigma"):
            self.assertGreater(np.abs(values[name]).min(), 1e-7, name)
        self.assertLess(np.abs(values["norm_slots/beta"]).max(), 1e-7)
        self.assertGreater(np.abs(values["norm_slots/gamma"]).max(), 1e-6)

    def test_epsilon_modes_agree(self):
        first, second = layer_of(), layer_of(epsilon_mode="denominator")
        helpers.copy_weights(first, second)
        first, second = (self.run_layer(layer, noise=self.noise) for layer in (first, second))
        for a, b in zip(first["updates"], second["updates"], strict=True):
            self.assertLess(np.abs(a - b).max() / np.abs(a).max(), 1e-5)

    def test_large_epsilon_enters_where_its_mode_says(self):
        attention = self.run_layer(layer_of(), noise=self.noise)["attention"][0].astype(np.float64)
        for mode, expected in (("attention", (attention + 2.0) / (attention + 2.0).sum(axis=1, keepdims=True)),
                               ("denominator", attention / (attention.sum(axis=1, keepdims=True) + 2.0))):
            outputs = self.run_layer(layer_of(epsilon=2.0, epsilon_mode=mode), noise=self.noise)
            np.testing.assert_allclose(outputs["weights"][0], expected, atol=1e-6)

    def test_scale_multiplies_the_logits(self):
        default = self.run_layer(layer_of(), noise=self.noise)["attention"][0]
        same = self.run_layer(layer_of(scale=D**-0.5), noise=self.noise)["attention"][0]
        np.testing.assert_allclose(same, default, atol=1e-6)
        unscaled = self.run_layer(layer_of(scale=1.0), noise=self.noise)["attention"][0]
        expected = softmax(np.log(default.astype(np.float64)) * D**0.5, axis=-1)
        np.testing.assert_allclose(unscaled, expected, atol=1e-5)

    def test_unknown_option_is_an_error_that_lists_the_choices(self):
        for name in ("aggregation", "softmax_axis", "slot_init", "update", "epsilon_mode"):
            with self.assertRaisesRegex(UserError, f"{name}='median' is unknown; choose one of: "):
                SlotAttention(**{name: "median"})

    def test_no_projections_need_features_of_the_slot_size(self):
        with self.assertRaisesRegex(UserError, "they have 6 channels and slot_size=8; set --encoder_channels=8"):
            SlotAttention(slot_size=8, use_projections=False).build((None, None, 6))

    def test_soft_k_means_moves_slots_to_weighted_means(self):
        layer = layer_of(feature_size=D, update="replace", use_mlp=False, norm_inputs=False, norm_slots=False,
                         norm_mlp=False, use_projections=False)
        self.assertEqual(sorted(variable.name for variable in layer.trainable_variables),
                         ["slots_log_sigma", "slots_mu"])
        inputs, centres = normal(B, N, D, seed=6), normal(B, K, D, seed=7)
        iterates = layer(inputs, slots=centres, num_iterations=3)["iterates"]
        points, expected = inputs.astype(np.float64), centres.astype(np.float64)
        for iterate in iterates:
            belongs = softmax(np.einsum("bnd,bkd->bnk", points, expected) / math.sqrt(D), axis=-1)
            expected = np.einsum("bnk,bnd->bkd", belongs, points) / belongs.sum(axis=1)[..., None]
            np.testing.assert_allclose(iterate, expected, atol=1e-5)


class LowPrecisionTest(unittest.TestCase):
    def test_slot_that_wins_nothing_stays_finite(self):
        """Every input agrees with slot 0 and opposes slot 1, whose attention underflows to exactly 0."""
        inputs = np.full((1, 16, D), 30.0, np.float32)
        slots = np.stack([np.full(D, 30.0), np.full(D, -30.0)])[None].astype(np.float32)
        for dtype in ("float32", "mixed_bfloat16"):
            for mode in ("attention", "denominator"):
                layer = layer_of(feature_size=D, use_projections=False, norm_inputs=False, norm_slots=False,
                                 epsilon_mode=mode, dtype=dtype)

                def loss():
                    outputs = layer(inputs, slots=slots)
                    return keras.ops.mean(keras.ops.square(keras.ops.cast(outputs["slots"], "float32")))

                outputs = layer(inputs, slots=slots)
                attention, weights = (helpers.array(outputs[name][0]) for name in ("attention", "weights"))
                self.assertEqual(attention.dtype, np.float32)
                self.assertEqual(attention[..., 1].max(), 0.0)
                np.testing.assert_allclose(weights[..., 1], 1 / 16 if mode == "attention" else 0.0, rtol=1e-5)
                self.assertTrue(np.isfinite(helpers.array(keras.ops.cast(outputs["slots"], "float32"))).all())
                for name, value in helpers.gradients(layer, loss).items():
                    self.assertTrue(value is None or np.isfinite(value).all(), (dtype, mode, name))
