"""The Slot Attention layer against the arrays of the reference implementation, every iteration and gradient."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tfobj.layers.slot_attention import SlotAttention

FORWARD_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4
TRACES = {"attn": "attention", "attn_norm": "weights", "updates": "updates", "gru": "states", "slots": "iterates"}


def layer_of(arrays, prefix=""):
    """Builds the layer whose options and sizes the stored weights imply, and gives it those weights.

    Args:
        arrays: Dict of arrays.
        prefix: str. What precedes `norm_inputs/gamma`, `slots_mu` and so on.

    Returns:
        A built `SlotAttention`.
    """
    weights = {name[len(prefix):]: value for name, value in arrays.items() if name.startswith(prefix)}
    hidden = weights.get("mlp/dense0/bias")
    slots_mu = weights["slots_mu"]
    feature_size = weights["k/kernel"].shape[0] if "k/kernel" in weights else slots_mu.shape[-1]
    layer = SlotAttention(
        num_slots=slots_mu.shape[1], slot_size=slots_mu.shape[-1],
        mlp_hidden_size=1 if hidden is None else hidden.size, use_mlp=hidden is not None,
        slot_init="per_slot" if slots_mu.shape[1] > 1 else "shared", update="gru" if "gru/kernel" in weights else "replace",
        norm_inputs="norm_inputs/gamma" in weights, norm_slots="norm_slots/gamma" in weights,
        norm_mlp="norm_mlp/gamma" in weights, use_projections="q/kernel" in weights, name="slot_attention")
    layer.build((None, None, feature_size))
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
        cls.cases = sorted({name.split("/")[0] for name in cls.arrays if name.endswith("/inputs") and "grad" not in name})

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
            num_iterations = sum(key.startswith("slots_") and key[6:].isdigit() for key in case)
            outputs = layer_of(case, "w/")(case["inputs"], noise=case["noise"], num_iterations=num_iterations)
            self.check(outputs["slots_init"], case["slots_init"], FORWARD_TOLERANCE, name)
            for stored, key in TRACES.items():
                for iteration in range(num_iterations):
                    label = f"{stored}_{iteration + 1}"
                    self.check(outputs[key][iteration], case[label], FORWARD_TOLERANCE, f"{name}/{label}")

    def test_golden_slot_attention_module_gradients(self):
        for name in self.cases:
            case = self.case(name)
            layer = layer_of(case, "w/")
            num_iterations = sum(key.startswith("slots_") and key[6:].isdigit() for key in case)
            inputs = tf.convert_to_tensor(case["inputs"])
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                slots = layer(inputs, noise=case["noise"], num_iterations=num_iterations)["slots"]
                loss = tf.reduce_mean(tf.square(slots))
            self.check(loss, case["loss_meansq"], FORWARD_TOLERANCE, f"{name}/loss")
            variables = layer.trainable_variables
            names = ["inputs"] + [golden_name(variable) for variable in variables]
            gradients = tape.gradient(loss, [inputs, *(variable.value for variable in variables)])
            compared = 0
            for weight, gradient in zip(names, gradients):
                if f"grad/{weight}" in case:
                    self.check(gradient, case[f"grad/{weight}"], GRADIENT_TOLERANCE, f"{name}/grad/{weight}")
                    compared += 1
                else:  # inert by the invariance of the softmax: nothing but rounding noise
                    self.assertEqual(weight, "norm_slots/beta")
                    self.assertLess(np.abs(gradient).max(), 1e-6)
            self.assertEqual(compared, sum(key.startswith("grad/") for key in case))
