"""Segmentation covering and slot counts against the GENESIS code, and the numbers of the GENESIS-V2 evaluation."""

import unittest

import numpy as np

from tests import golden_arrays
from tests.golden.genesis_v2_weights import like
from tfobj.layers.stick_breaking import StickBreaking
from tfobj.metrics import covering
from tfobj.metrics import reference
from tfobj.metrics import segmentation
from tfobj.metrics import slot_counts

TOLERANCE = 1e-6  # the references compute in float32


class GoldenTest(unittest.TestCase):
    stem = None

    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load(cls.stem)

    def check(self, actual, name):
        expected, actual = self.arrays[name], np.asarray(actual)
        golden_arrays.relative_error(actual, expected)
        np.testing.assert_allclose(actual, expected, rtol=0.0, atol=TOLERANCE, err_msg=name)


class GoldenCoveringTest(GoldenTest):
    stem = "metrics_msc"

    def test_golden_metrics_msc(self):
        arrays = self.arrays
        for prefix, true, predicted in (("", arrays["true"], arrays["pred"]),
                                        ("ignore_", arrays["true_with_ignore"], arrays["pred"]),
                                        ("edge_", arrays["edge_true"], arrays["edge_pred"])):
            sizes = int(true.max()) + 1, int(predicted.max()) + 1
            for name, foreground, weighted in (("msc", False, False), ("scaled_sc", False, True),
                                               ("msc_fg", True, False), ("scaled_sc_fg", True, True)):
                values = covering.segmentation_covering(true, predicted, *sizes, foreground, weighted, "reference")
                self.check(values, prefix + name)
                oracle = [reference.segmentation_covering(*maps, foreground, weighted)
                          for maps in zip(true, predicted)]
                np.testing.assert_allclose(
                    covering.segmentation_covering(true, predicted, *sizes, foreground, weighted), oracle, atol=1e-12)
                if f"batch_mean_{prefix}{name}" in arrays:
                    self.check(np.mean(values), f"batch_mean_{prefix}{name}")


class GoldenSlotCountsTest(GoldenTest):
    stem = "metrics_slots"

    def test_golden_metrics_slots(self):
        shares = self.arrays["alphas"]
        count, height, width = shares.shape[0], *shares.shape[2:]

        class GivenShares(StickBreaking):
            """Takes what a seed gets from the arrays instead of from embeddings."""

            def similarity(self, embeddings, seed):
                return next(self.given)

        for tag, options in (("fixed", {}), ("threshold_20", {"dynamic": True, "min_mass": 20.0}),
                             ("threshold_70", {"dynamic": True, "min_mass": 70.0})):
            layer = GivenShares(shares.shape[1] + 1, **options)
            layer.given = iter(np.moveaxis(shares, 1, 0).reshape(-1, count, height * width))
            blank = np.zeros((count, height, width), np.float32)
            outputs = layer(blank[..., None], blank)
            masks = np.exp(outputs["log_masks"])
            self.check(like(masks, self.arrays[f"masks_{tag}"]), f"masks_{tag}")
            self.check(outputs["num_used"], f"num_slots_{tag}")
            self.check(np.mean(outputs["num_used"]), f"avg_k_{tag}")
            # As many one-pixel objects as the image shows.
            true = (np.arange(16) < self.arrays["num_objects"][:, None]) * np.arange(1, 17)
            error = slot_counts.slot_count_error(outputs["num_used"], true, 17)
            self.check(np.mean(error), f"mae_{tag}")


class GoldenGenesisV2MetricsTest(GoldenTest):
    stem = "genesis_v2_metrics"

    def test_golden_genesis_v2_metrics(self):
        true, predicted = self.arrays["gt"], self.arrays["pred"]
        if "log_masks" in self.arrays:
            np.testing.assert_array_equal(segmentation.labels_of(self.arrays["log_masks"]), predicted)
        # There, an ignored pixel is a label of its own in the ARI, and is left out of the foreground's, as here.
        shifted = np.int32(true) + 1
        scores = {
            "ari": segmentation.adjusted_rand_index(shifted, predicted, 8, 6),
            "ari_fg": segmentation.adjusted_rand_index(true, predicted, 7, 6, ignore_background=True),
            "msc": covering.segmentation_covering(true, predicted, 7, 6, mode="reference"),
            "msc_scaled": covering.segmentation_covering(true, predicted, 7, 6, weighted=True, mode="reference"),
            "msc_fg": covering.segmentation_covering(true, predicted, 7, 6, True, mode="reference"),
            "msc_fg_scaled": covering.segmentation_covering(true, predicted, 7, 6, True, True, mode="reference")}
        for name, values in scores.items():
            self.check(values, name)
        self.check([np.mean(values) for values in scores.values()], "batch_means")


if __name__ == "__main__":
    unittest.main()
