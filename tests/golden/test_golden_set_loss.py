"""The Hungarian-Huber loss against the Slot Attention code: costs, losses and gradients."""

import unittest

import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tfobj.models.slot_mlp_properties import SlotMlpSetPredictor
from tfobj.ops.set_loss import pairwise_costs
from tfobj.ops.set_loss import set_loss

TOLERANCE = 1e-6
METHODS = ("subsets", "scipy")


class GoldenSetLossTest(unittest.TestCase):
    def test_every_loss_case(self):
        arrays = golden_arrays.load("slot_attention_set")
        names = {name.split("/")[1] for name in arrays if name.startswith("loss_cases/")}
        self.assertGreaterEqual(len(names), 5)
        for name in names:
            case = {key: arrays[f"loss_cases/{name}/{key}"]
                    for key in ("pred", "target", "pairwise_cost", "loss", "grad_pred")}
            for method in METHODS:
                with self.subTest(case=name, method=method):
                    self.check(case, method)

    def check(self, case, method):
        predictions = tf.constant(case["pred"])
        with tf.GradientTape() as tape:
            tape.watch(predictions)
            loss = tf.reduce_mean(set_loss(case["target"], predictions, method))
        actual = {"pairwise_cost": pairwise_costs(case["target"], predictions), "loss": loss,
                  "grad_pred": tape.gradient(loss, predictions)}
        for name, value in actual.items():
            self.assertLess(golden_arrays.relative_error(value, case[name]), TOLERANCE, name)

    def test_models_with_at_most_as_many_slots_as_rows_have_these_losses(self):
        arrays = golden_arrays.load("slot_attention_set")
        for name in ("fewer_slots_than_targets", "uniform", "near_truth"):
            predictions, target, expected = (arrays[f"loss_cases/{name}/{key}"] for key in ("pred", "target", "loss"))
            model = SlotMlpSetPredictor((16, 16, 3), num_slots=predictions.shape[1])
            loss = np.mean(model.losses_of(target, {"predictions": tf.constant(predictions)})["loss"])
            self.assertLess(golden_arrays.relative_error(loss, expected), TOLERANCE, name)

    def test_the_losses_of_the_metrics_archive(self):
        arrays = golden_arrays.load("metrics_ap")
        names = [name.removesuffix("_hungarian_huber") for name in arrays if name.endswith("_hungarian_huber")]
        self.assertGreater(len(names), 0)
        for name in names:
            loss = np.mean(set_loss(arrays[f"{name}_target"], arrays[f"{name}_pred"]))
            error = golden_arrays.relative_error(loss, arrays[f"{name}_hungarian_huber"])
            self.assertLess(error, TOLERANCE, name)
