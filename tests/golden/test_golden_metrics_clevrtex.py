"""Scores of the CLEVRTEX benchmark, and those of the AST-Seg program, image by image."""

import unittest

import numpy as np

from tests import golden_arrays
from tfobj.metrics import covering
from tfobj.metrics import matched_overlap
from tfobj.metrics import reconstruction
from tfobj.metrics import segmentation

TOLERANCE = 1e-6
NAMES = {"mIoU": "miou", "mIoU_fg": "miou_fg", "mIoU_gt": "miou_gt", "DICE": "dice", "DICE_FG": "dice_fg",
         "acc": "same_count", "ARI": "ari", "ARI_FG": "ari_fg"}


def scores_of(true, predicted, num_predicted):
    """Every score that compares label maps."""
    num_true = int(true.max()) + 1
    rand = {name: segmentation.adjusted_rand_index(true, predicted, num_true, num_predicted, foreground)
            for name, foreground in (("ari", False), ("ari_fg", True))}
    return {**matched_overlap.matched_overlap(true, predicted, num_true, num_predicted), **rand}


class GoldenTest(unittest.TestCase):
    stem = None

    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load(cls.stem)

    def check(self, actual, name, rtol=0.0):
        expected, actual = self.arrays[name], np.asarray(actual)
        golden_arrays.relative_error(actual, expected)
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=TOLERANCE, err_msg=name)


class GoldenClevrtexTest(GoldenTest):
    stem = "metrics_clevrtex"

    def test_golden_metrics_clevrtex(self):
        masks, foreground = self.arrays["pred_masks"], self.arrays["nobg_pred_masks"]
        derived = np.concatenate([1.0 - foreground.sum(axis=-1, keepdims=True), foreground], axis=-1)
        cases = (("ref", self.arrays["true"], masks.argmax(axis=-1), masks.shape[-1]),
                 ("nobg", self.arrays["true"], derived.argmax(axis=-1), derived.shape[-1]),
                 ("edge", self.arrays["edge_true"], self.arrays["edge_pred"], int(self.arrays["edge_num_pred"])))
        for prefix, true, predicted, count in cases:
            scores = scores_of(true, predicted, count)
            for theirs, ours in NAMES.items():
                self.check(scores[ours], f"{prefix}_{theirs}")
                if prefix == "ref":
                    self.check(np.mean(scores[ours]), f"batch_{theirs}")
        errors = reconstruction.mse_sum(self.arrays["image"], self.arrays["recon"])
        self.check(errors, "ref_MSE", rtol=1e-6)


class GoldenAstSegMetricsTest(GoldenTest):
    stem = "ast_seg_metrics"

    def test_golden_ast_seg_metrics(self):
        true, predicted, count = (self.arrays[name] for name in ("true_labels", "pred_labels", "num_labels"))
        scores = scores_of(true, predicted, int(count))
        for name in ("miou", "miou_fg", "miou_gt", "ari", "ari_fg"):
            self.check(scores[name], name)
        for name, foreground, weighted in (("msc", False, False), ("msc_scaled", False, True), ("msc_fg", True, False),
                                           ("msc_fg_scaled", True, True)):
            self.check(covering.segmentation_covering(true, predicted, int(count), int(count), foreground, weighted),
                       name)
        for theirs, ours in NAMES.items():
            self.check(np.mean(scores[ours]), f"benchmark_mean/{theirs}")
        errors = reconstruction.mse_sum(self.arrays["image"], self.arrays["reconstruction"])
        self.check(errors, "mse_sum", rtol=1e-6)


if __name__ == "__main__":
    unittest.main()
