"""Factor regression against the IODINE code (`iodine_metrics`) and an independent computation (`metrics_factors`)."""

import unittest

import numpy as np
from keras import ops

from tests import golden_arrays
from tfobj.metrics import factors
from tfobj.metrics import segmentation
from tfobj.metrics.factors import ANGLE, CATEGORICAL, SCALAR, Factor
from tfobj.ops.autodiff import value_and_gradient

TOLERANCE = 1e-6  # the reference's cross entropy passes through float32


class GoldenIodineMetricsTest(unittest.TestCase):
    """Matching, layer, loss and gradients."""

    @classmethod
    def setUpClass(cls):
        cls.arrays = arrays = golden_arrays.load("iodine_metrics")
        cls.factors = [Factor("color", CATEGORICAL, arrays["factor/pred_color"].shape[-1]),
                       Factor("shape", CATEGORICAL, arrays["factor/pred_shape"].shape[-1]),
                       Factor("position", SCALAR, arrays["factor/pred_position"].shape[-1]),
                       Factor("orientation", ANGLE, arrays["factor/target_orientation"].shape[-1])]
        cls.visible = arrays["factor/visibility"]
        cls.match, _ = factors.match_slots(arrays["factor/true_mask"].argmax(axis=1), arrays["factor/pred_mask"],
                                           cls.visible.shape[1])
        cls.targets = {factor.name: arrays[f"factor/target_{factor.name}"] for factor in cls.factors}
        cls.targets.update({factor.name: cls.targets[factor.name][..., 0] for factor in cls.factors
                            if factor.kind == CATEGORICAL})

    def check(self, actual, name):
        """Compares with a stored array."""
        self.assertLessEqual(golden_arrays.relative_error(actual, self.arrays[f"factor/{name}"]), TOLERANCE, name)

    def test_golden_iodine_metrics_assignment(self):
        one_hot = np.eye(self.arrays["factor/z"].shape[1])[np.asarray(self.match)]  # [B,L,K]
        self.check(one_hot * self.visible[..., None], "assignment")

    def test_golden_iodine_metrics_predictions(self):
        outputs = self.arrays["factor/z"] @ self.arrays["factor/kernel"] + self.arrays["factor/bias"]
        parts = factors.split_outputs(ops.convert_to_tensor(outputs), self.factors)
        for factor in self.factors:
            self.check(parts[factor.name], f"pred_{factor.name}")

    def test_golden_iodine_metrics_loss_and_gradients(self):
        slots = factors.slots_of_entities(ops.convert_to_tensor(self.arrays["factor/z"]), self.match)

        def loss(layer):
            outputs = ops.matmul(slots, layer["kernel"]) + layer["bias"]
            return factors.total_error(factors.factor_errors(outputs, self.targets, self.factors), self.visible)

        layer = {name: ops.convert_to_tensor(self.arrays[f"factor/{name}"]) for name in ("kernel", "bias")}
        value, gradients = value_and_gradient(loss, layer)
        self.check(value, "loss")
        for name, gradient in gradients.items():
            self.check(gradient, f"grad_{name}")

    def test_golden_iodine_metrics_scores(self):
        for factor in self.factors:
            predicted = factors.slots_of_entities(self.arrays[f"factor/pred_{factor.name}"], self.match)
            true = self.targets[factor.name]
            if factor.kind == CATEGORICAL:
                score = factors.accuracy(predicted, true, self.visible)
            else:
                score = factors.reference_r_squared(predicted, factors.regression_targets(true, factor), self.visible)
            self.check(score, f"metric_{factor.name}")

    def test_golden_iodine_metrics_rand_index(self):
        true, predicted = self.arrays["ari/true_onehot"], self.arrays["ari/pred_probs"]
        for name, ignore_background in (("ari", False), ("ari_fg", True)):
            index = segmentation.adjusted_rand_index(
                true.argmax(axis=-1), np.moveaxis(predicted, -1, 1), true.shape[-1],
                ignore_background=ignore_background, mode="reference")
            error = golden_arrays.relative_error(index, self.arrays[f"ari/{name}"])
            self.assertLessEqual(error, TOLERANCE, name)


class GoldenMetricsFactorsTest(unittest.TestCase):
    """Matching, loss and scores; the score of visible entities differs from ours by the unbiased variance."""

    @classmethod
    def setUpClass(cls):
        cls.arrays = arrays = golden_arrays.load("metrics_factors")
        color = arrays["factor_color"].shape[-1]
        classes = arrays["predictions"].shape[-1] - color - 2
        cls.factors = [Factor("color", SCALAR, color), Factor("shape", CATEGORICAL, classes),
                       Factor("orientation", ANGLE, 1)]
        cls.visible = arrays["visibility"].astype(np.float64)
        cls.match, _ = factors.match_slots(arrays["true_masks"].argmax(axis=1), arrays["pred_masks"],
                                           cls.visible.shape[1])
        cls.outputs = factors.slots_of_entities(arrays["predictions"].astype(np.float64), cls.match)
        cls.targets = {name: arrays[f"factor_{name}"].astype(np.float64) for name in ("color", "orientation")}
        cls.targets["shape"] = arrays["factor_shape"][..., 0].astype(np.int32)

    def check(self, actual, name):
        """Compares with a stored array."""
        self.assertLessEqual(golden_arrays.relative_error(actual, self.arrays[name]), TOLERANCE, name)

    def test_golden_metrics_factors_matching_and_loss(self):
        self.check(self.match, "best_match")
        errors = factors.factor_errors(self.outputs, self.targets, self.factors)
        self.check(factors.total_error(errors, self.visible), "total_error")

    def test_golden_metrics_factors_scores(self):
        parts = factors.split_outputs(self.outputs, self.factors)
        self.check(factors.accuracy(parts["shape"], self.targets["shape"], self.visible), "metric_shape")
        number = self.visible.sum()
        for factor in (self.factors[0], self.factors[2]):
            true = factors.regression_targets(self.targets[factor.name], factor)
            score = factors.reference_r_squared(parts[factor.name], true, self.visible)
            self.check(score, f"metric_{factor.name}")
            ours = np.asarray(factors.r_squared(parts[factor.name], true, self.visible))
            unbiased = 1.0 - (1.0 - ours) * (number - 1.0) / number
            self.check(unbiased.mean(), f"r2_visible_only_{factor.name}")


if __name__ == "__main__":
    unittest.main()
