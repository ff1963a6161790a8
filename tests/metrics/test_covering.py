"""Segmentation covering and slot counts: definition, edge cases, means over images."""

import unittest

import numpy as np
import tensorflow as tf

from tests.metrics.test_segmentation import random_maps
from tfobj.metrics import covering
from tfobj.metrics import reference
from tfobj.metrics import slot_counts
from tfobj.metrics.segmentation_covering import SegmentationCovering


class CoveringTest(unittest.TestCase):
    def test_equals_the_definition(self):
        for seed in range(4):
            true, predicted = random_maps(seed)
            true[0, :3] = 255
            for foreground in (False, True):
                for weighted in (False, True):
                    values = covering.segmentation_covering(true, predicted, 4, 5, foreground, weighted)
                    expected = [reference.segmentation_covering(*maps, foreground, weighted)
                                for maps in zip(true, predicted)]
                    np.testing.assert_allclose(values, expected, atol=1e-12)

    def test_prediction_that_leaks_into_the_background_covers_its_object_worse(self):
        true = np.zeros((1, 4, 4), np.int32)
        true[0, :2, :2] = 1
        predicted = true.copy()
        predicted[0, :2] = 1
        self.assertAlmostEqual(float(covering.segmentation_covering(true, predicted, 2, 2, True)[0]), 0.5)

    def test_nothing_to_cover_is_nan_or_zero(self):
        true, predicted = np.zeros((2, 4, 4), np.int32), np.zeros((2, 4, 4), np.int32)
        true[1] = 255
        for foreground, expected in ((True, [np.nan, np.nan]), (False, [1.0, np.nan])):
            values = covering.segmentation_covering(true, predicted, 1, 2, foreground)
            np.testing.assert_array_equal(values, expected)
            values = covering.segmentation_covering(true, predicted, 1, 2, foreground, mode="reference")
            np.testing.assert_array_equal(values, np.nan_to_num(expected))

    def test_soft_masks_and_compiled(self):
        true, predicted = random_maps(1)
        masks = np.moveaxis(np.eye(5, dtype=np.float32)[predicted], -1, 1)
        expected = covering.segmentation_covering(true, predicted, 4, 5)
        np.testing.assert_array_equal(covering.segmentation_covering(true, masks, 4), expected)
        compiled = tf.function(lambda true, masks: covering.segmentation_covering(true, masks, 4), jit_compile=True)
        np.testing.assert_allclose(compiled(true, masks), expected, rtol=1e-12)

    def test_wrong_arguments(self):
        true, predicted = random_maps(1)
        with self.assertRaisesRegex(ValueError, "num_predicted is needed"):
            covering.segmentation_covering(true, predicted, 4)
        with self.assertRaisesRegex(ValueError, "mode='strict'"):
            covering.segmentation_covering(true, predicted, 4, 5, mode="strict")


class SegmentationCoveringMetricTest(unittest.TestCase):
    def test_mean_leaves_out_images_without_objects_or_counts_them_as_zero(self):
        true, predicted = random_maps(2)
        true[1], true[5] = 0, 0
        values = np.nan_to_num(np.asarray(covering.segmentation_covering(true, predicted, 4, 5, True)))
        for mode, expected in (("default", values[[0, 2, 3, 4]].mean()), ("reference", values[:5].mean())):
            metric = SegmentationCovering(4, 5, ignore_background=True, mode=mode)
            metric.update_state(true[:3], predicted[:3])
            metric.update_state(true[3:], predicted[3:], valid=np.array([True, True, False]))
            self.assertAlmostEqual(float(metric.result()), expected, delta=1e-14)
            self.assertEqual(int(metric.num_empty()), 1)
            twin = SegmentationCovering.from_config(metric.get_config())
            self.assertEqual(twin.get_config(), metric.get_config())


class SlotCountsTest(unittest.TestCase):
    def test_distinct_objects_are_counted_and_one_background_is_added(self):
        true = np.zeros((4, 3, 3), np.int32)
        true[1, 0], true[1, 1] = 2, 5
        true[2] = 255
        true[3, 0, 0] = 1
        np.testing.assert_array_equal(slot_counts.num_objects(true, 6), [0, 2, 0, 1])
        np.testing.assert_array_equal(slot_counts.slot_count_error(np.float32([1, 1, 5, 4]), true, 6), [0, 2, 4, 2])
        np.testing.assert_array_equal(slot_counts.num_objects(true, 1), [0, 0, 0, 0])


if __name__ == "__main__":
    unittest.main()
