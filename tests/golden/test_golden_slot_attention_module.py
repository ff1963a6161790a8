"""The Slot Attention layer against the arrays of the reference implementation, every iteration and gradient.

Sizes and options are read from the arrays; what an archive does not hold, such as a trace, is not compared.
"""

import re
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests import helpers
from tfobj.layers.slot_attention import SlotAttention

FORWARD_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4
TRACES = {"attn": "attention", "attn_norm": "weights", "updates": "updates", "gru": "states", "slots": "iterates"}
_TRACE = re.compile(rf"({'|'.join(TRACES)})_(\d+)(_sub)?$")


def options_of(weights, traces):
    """Derives the layer's options and sizes.

    Args:
        weights: Dict of arrays, such as `q/kernel`.
        traces: Dict of arrays, such as `attn_1`.

    Returns:
        Dict of constructor arguments. Where the arrays leave a choice, it is that of the paper.
    """
    hidden, slots_mu = weights.get("mlp/dense0/bias"), weights["slots_mu"]
    attention = traces.get("attn_1", traces.get("attn_1_sub"))
    over_inputs = attention is not None and not np.allclose(attention.sum(axis=-1), 1.0, atol=1e-4)
    return {
        "num_slots": slots_mu.shape[1], "slot_size": slots_mu.shape[-1],
        "mlp_hidden_size": 1 if hidden is None else hidden.size, "use_mlp": hidden is not None,
        "aggregation": _aggregation(weights, traces), "softmax_axis": "inputs" if over_inputs else "slots",
        "slot_init": "per_slot" if slots_mu.shape[1] > 1 else "shared",
        "update": "gru" if "gru/kernel" in weights else "replace", "use_projections": "q/kernel" in weights,
        "norm_inputs": "norm_inputs/gamma" in weights, "norm_slots": "norm_slots/gamma" in weights,
        "norm_mlp": "norm_mlp/gamma" in weights}


def _aggregation(weights, traces):
    if "norm_updates/gamma" in weights:
        return "sum_layernorm"
    attention, normalised = traces.get("attn_1"), traces.get("attn_norm_1")
    if attention is None or normalised is None or np.allclose(normalised.sum(axis=1), 1.0, atol=1e-4):
        return "mean"
    return "sum" if np.allclose(normalised, attention, atol=1e-6) else "mean"


def num_iterations_of(traces):
    """Returns T: the largest number that ends the name of a trace."""
    return max((int(match[2]) for match in map(_TRACE.match, traces) if match), default=0)


def layer_of(case):
    """Builds the layer that a case implies, and gives it the stored weights.

    Args:
        case: Dict of arrays; those of the weights start with `w/`.

    Returns:
        A built `SlotAttention`.
    """
    weights = {name[2:]: value for name, value in case.items() if name.startswith("w/")}
    layer = SlotAttention(**options_of(weights, case), name="slot_attention")
    layer.build((None, None, case["inputs"].shape[-1]))
    for variable in layer.weights:
        variable.assign(weights[golden_name(variable)])
    return layer


def golden_name(variable):
    """Returns the stored name of a weight of the module, e.g. `mlp/dense0/kernel`."""
    return variable.path.split("slot_attention/", 1)[1].replace("mlp_dense", "mlp/dense")


class GoldenSlotAttentionModuleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("slot_attention_module")
        names = (name.split("/") for name in cls.arrays)
        cls.cases = sorted({parts[0] for parts in names if parts[1:] == ["inputs"]})

    def setUp(self):
        self.assertTrue(self.cases, "the file holds no case")

    def case(self, name):
        return {key[len(name) + 1:]: value for key, value in self.arrays.items() if key.startswith(name + "/")}

    def check(self, actual, expected, tolerance, name):
        error = golden_arrays.relative_error(keras.ops.convert_to_numpy(actual), expected)
        self.assertLess(error, tolerance, name)

    def test_golden_slot_attention_module_iterations(self):
        for name in self.cases:
            case = self.case(name)
            outputs = run(layer_of(case), case, case["inputs"])
            if "slots_init" in case:
                self.check(outputs["slots_init"], case["slots_init"], FORWARD_TOLERANCE, name)
            traces = [match for match in map(_TRACE.match, case) if match]
            self.assertTrue(traces, name)
            for stored in traces:
                actual = outputs[TRACES[stored[1]]][int(stored[2]) - 1]
                self.check(actual, case[stored[0]], FORWARD_TOLERANCE, f"{name}/{stored[0]}")

    def test_golden_slot_attention_module_gradients(self):
        for name in self.cases:
            case = self.case(name)
            layer, inputs = layer_of(case), tf.convert_to_tensor(case["inputs"])
            variables = layer.trainable_variables
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                loss = tf.reduce_mean(tf.square(run(layer, case, inputs)["slots"]))
            if "loss_meansq" in case:
                self.check(loss, case["loss_meansq"], FORWARD_TOLERANCE, f"{name}/loss")
            gradients = tape.gradient(loss, [inputs, *(variable.value for variable in variables)])
            names = ["inputs", *map(golden_name, variables)]
            self.check_gradients(name, case, dict(zip(names, gradients, strict=True)), layer.softmax_axis)

    def check_gradients(self, name, case, gradients, softmax_axis):
        """Compares with the stored gradients; those that are zero but for rounding are only checked to be small."""
        stored = {key[5:]: value for key, value in case.items() if key.startswith("grad/")}
        self.assertLessEqual(set(stored), set(gradients), name)
        scale = max((np.abs(value).max() for value in stored.values()), default=1.0)
        for weight, gradient in gradients.items():
            inert = weight == "norm_slots/beta" and softmax_axis == "slots"  # by the invariance of the softmax
            if inert or np.abs(stored.get(weight, scale)).max() < 1e-7 * scale:
                self.assertLess(0.0 if gradient is None else np.abs(gradient).max(), 1e-6 * max(scale, 1.0), weight)
            elif weight in stored:
                self.check(gradient, stored[weight], GRADIENT_TOLERANCE, f"{name}/grad/{weight}")


def run(layer, case, inputs):
    """Calls the layer with the stored noise, or with the initial slots where no noise is stored."""
    start = {"noise": case["noise"]} if "noise" in case else {"slots": case["slots_init"]}
    return layer(inputs, **start, num_iterations=num_iterations_of(case))


class GoldenSlotAttentionOptionsTest(unittest.TestCase):
    """Options that the published arrays do not use are recognised in arrays of the layer's own."""

    def test_golden_slot_attention_options_are_read_from_the_arrays(self):
        published = {"num_slots": 1, "slot_size": 6, "mlp_hidden_size": 5, "use_mlp": True, "aggregation": "mean",
                     "softmax_axis": "slots", "slot_init": "shared", "update": "gru", "use_projections": True,
                     "norm_inputs": True, "norm_slots": True, "norm_mlp": True}
        for changes in ({}, {"aggregation": "sum"}, {"aggregation": "sum_layernorm"}, {"softmax_axis": "inputs"},
                        {"slot_init": "per_slot", "num_slots": 3}, {"update": "replace"}, {"use_projections": False},
                        {"use_mlp": False, "mlp_hidden_size": 1, "norm_mlp": False},
                        {"norm_inputs": False, "norm_slots": False, "norm_mlp": False}):
            with self.subTest(**changes):
                case = self.case({**published, **changes})
                layer = layer_of(case)
                options = {name: layer.options[name] for name in published}
                self.assertEqual(options, {**published, **changes})
                np.testing.assert_array_equal(run(layer, case, case["inputs"])["slots"], case["slots_2"])

    def case(self, options):
        """What an archive would hold of a layer with `options`."""
        generator = np.random.default_rng(0)
        case = {"inputs": generator.normal(size=(2, 9, 6)), "noise": generator.normal(size=(2, 3, 6))}
        layer = SlotAttention(**options, name="slot_attention")
        layer.build((None, None, 6))
        helpers.perturb(layer)
        case.update({"w/" + golden_name(variable): helpers.array(variable) for variable in layer.weights})
        outputs = layer(case["inputs"], noise=case["noise"], num_iterations=2)
        for stored, name in TRACES.items():
            if stored != "gru" or options["update"] == "gru":
                case.update({f"{stored}_{i + 1}": helpers.array(value) for i, value in enumerate(outputs[name])})
        return case


if __name__ == "__main__":
    unittest.main()
