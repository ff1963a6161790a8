"""The adjusted Rand index over a data set."""

import unittest

import numpy as np

from tests.metrics.test_segmentation import random_maps
from tfobj.metrics import segmentation
from tfobj.metrics.rand_index import AdjustedRandIndex


class AdjustedRandIndexMetricTest(unittest.TestCase):

    def test_mean_over_images_equals_the_per_image_values(self):
        true, predicted = random_maps(0)
        values = np.asarray(segmentation.adjusted_rand_index(true, predicted, 4, 5, True))
        metric = AdjustedRandIndex(4, 5, ignore_background=True)
        metric.update_state(true[:4], predicted[:4])
        metric.update_state(true[4:], predicted[4:], valid=np.array([True, False]))
        self.assertAlmostEqual(float(metric.result()), values[:5].mean(), delta=1e-15)

    def test_images_without_foreground_are_counted_and_can_be_left_out(self):
        true, predicted = random_maps(1)
        true[1], true[3], true[5] = 0, 255, 0
        valid = np.array([True] * 5 + [False])
        values = np.asarray(segmentation.adjusted_rand_index(true, predicted, 4, 5, True))
        for skip_empty, expected in ((False, values[:5].mean()), (True, values[[0, 2, 4]].mean())):
            metric = AdjustedRandIndex(4, 5, ignore_background=True, skip_empty=skip_empty)
            metric.update_state(true, predicted, valid)
            self.assertEqual(int(metric.num_empty()), 2)
            self.assertAlmostEqual(float(metric.result()), expected, delta=1e-15)

    def test_configuration_round_trip(self):
        metric = AdjustedRandIndex(4, ignore_background=True, skip_empty=True, name="ari_fg")
        self.assertEqual(AdjustedRandIndex.from_config(metric.get_config()).get_config(), metric.get_config())


if __name__ == "__main__":
    unittest.main()
