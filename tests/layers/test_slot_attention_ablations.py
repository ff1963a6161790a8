"""Every option of Appendix B builds, runs forward and backward, and has the weights that it should have."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.layers.slot_attention import SlotAttention

B, N, F, K, D, HIDDEN = 2, 10, 6, 4, 8, 12

NORM_INPUTS, NORM_SLOTS, NORM_MLP, NORM_UPDATES = 2 * F, 2 * D, 2 * D, 2 * D
SLOTS, QUERY, KEY_VALUE = 2 * D, D * D, 2 * F * D
GRU = 3 * (2 * D * D + 2 * D)
MLP = D * HIDDEN + HIDDEN + HIDDEN * D + D
FULL = NORM_INPUTS + NORM_SLOTS + NORM_MLP + SLOTS + QUERY + KEY_VALUE + GRU + MLP

# Name -> (options, feature size, parameters beside those of the full module).
ABLATIONS = {
    "full": ({}, F, 0),
    "sum": ({"aggregation": "sum"}, F, 0),
    "sum_layernorm": ({"aggregation": "sum_layernorm"}, F, NORM_UPDATES),
    "softmax_inputs": ({"softmax_axis": "inputs"}, F, 0),
    "per_slot": ({"slot_init": "per_slot"}, F, (K - 1) * SLOTS),
    "replace": ({"update": "replace"}, F, -GRU),
    "no_mlp": ({"use_mlp": False}, F, -MLP - NORM_MLP),
    "no_norm_inputs": ({"norm_inputs": False}, F, -NORM_INPUTS),
    "no_norm_slots": ({"norm_slots": False}, F, -NORM_SLOTS),
    "no_norm_mlp": ({"norm_mlp": False}, F, -NORM_MLP),
    "no_temperature": ({"scale": 1.0}, F, 0),
    "epsilon_denominator": ({"epsilon_mode": "denominator"}, F, 0),
    "large_epsilon": ({"epsilon": 1e-3}, F, 0),
    "no_projections": ({"use_projections": False}, D, -QUERY - KEY_VALUE + 2 * (D - F)),
    "one_iteration": ({"num_iterations": 1}, F, 0),
    "soft_k_means": ({"update": "replace", "use_mlp": False, "norm_inputs": False, "norm_slots": False,
                      "norm_mlp": False, "use_projections": False}, D, SLOTS - FULL),
}


def inert_weights(options):
    """Weights without gradient: the slot softmax ignores what all queries share; the other softmax does not."""
    if options.get("softmax_axis", "slots") == "inputs":
        return ()
    if options.get("norm_slots", True):
        return ("norm_slots/beta",)
    # Soft k-means replaces the slots by means of the inputs: their common centre is in no logit and in no update.
    return ("slots_mu",) if options.get("update") == "replace" else ()


class AblationTest(unittest.TestCase):
    def test_every_ablation_trains_every_weight(self):
        generator = np.random.default_rng(0)
        noise = generator.normal(size=(B, K, D)).astype(np.float32)
        for name, (options, feature_size, difference) in ABLATIONS.items():
            with self.subTest(name):
                keras.utils.set_random_seed(0)
                inputs = generator.normal(size=(B, N, feature_size)).astype(np.float32)
                arguments = {"num_slots": K, "slot_size": D, "mlp_hidden_size": HIDDEN, **options}
                helpers.run_layer_test(
                    self, SlotAttention, arguments, inputs, (B, K, D), FULL + difference, {"noise": noise},
                    pick=lambda outputs: outputs["slots"], inert=inert_weights(options))

    def test_every_ablation_computes_something_else(self):
        generator = np.random.default_rng(0)
        noise = generator.normal(size=(B, K, D)).astype(np.float32)
        inputs = generator.normal(size=(B, N, F)).astype(np.float32)
        slots = {}
        for name, (options, feature_size, _) in ABLATIONS.items():
            if feature_size == F:
                keras.utils.set_random_seed(0)
                layer = SlotAttention(**{"num_slots": K, "slot_size": D, "mlp_hidden_size": HIDDEN, **options})
                layer.build(inputs.shape)
                for variable in layer.trainable_variables:
                    per_slot = variable.path.endswith(("slots_mu", "slots_log_sigma"))
                    shape = variable.shape[-1:] if per_slot else variable.shape
                    seed = sum(map(ord, helpers.weight_name(variable)))
                    values = np.random.default_rng(seed).normal(size=shape) * 0.3
                    variable.assign(np.broadcast_to(values, variable.shape))
                slots[name] = helpers.array(layer(inputs, noise=noise)["slots"])
        alike = {"full", "epsilon_denominator", "per_slot"}  # equal for a tiny epsilon; equal for equal parameters
        for name, value in slots.items():
            difference = np.abs(value - slots["full"]).max()
            (self.assertLess if name in alike else self.assertGreater)(difference, 1e-5, name)
