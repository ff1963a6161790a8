"""Average precision against the Slot Attention code, every set and threshold that the archives have."""

import unittest

import numpy as np

from tests import golden_arrays
from tfobj.metrics import average_precision as metric

TOLERANCE = 1e-6  # the reference computes distances and precisions in float32


class GoldenAveragePrecisionTest(unittest.TestCase):
    def check(self, stem, separator):
        arrays = golden_arrays.load(stem)
        names = [name.removesuffix(f"{separator}pred") for name in arrays if name.endswith(f"{separator}pred")]
        self.assertGreater(len(names), 3)
        for name in names:
            pair = arrays[f"{name}{separator}pred"], arrays[f"{name}{separator}target"]
            expected = arrays[f"{name}{separator}ap"]
            with self.subTest(stem=stem, case=name):
                scores = metric.average_precision(*pair, arrays["thresholds"])
                np.testing.assert_allclose(scores, expected, rtol=0, atol=TOLERANCE)
                golden_arrays.relative_error(scores, expected)

    def test_slot_attention_ap(self):
        self.check("slot_attention_ap", "/")

    def test_metrics_ap(self):
        self.check("metrics_ap", "_")

    def test_area_under_the_curve(self):
        arrays = golden_arrays.load("slot_attention_ap")
        area = metric.area_under_envelope(arrays["pr_curve/precision"], arrays["pr_curve/recall"])
        self.assertAlmostEqual(area, float(arrays["pr_curve/ap"]), delta=TOLERANCE)
