"""Average precision of hand-made and random sets."""

import unittest

import numpy as np

from tests.sets import random_targets
from tfobj import properties
from tfobj.metrics.average_precision import THRESHOLDS, average_precision


def row(x=0.5, color=0, confidence=1.0):
    """A small gray rubber cube on the x axis, x in [0,1], or one of another colour."""
    values = np.zeros(properties.NUM_PROPERTIES)
    values[0] = x
    for factor, columns in properties.COLUMNS.items():
        values[columns.start + (color if factor == "color" else 0)] = 1.0
    values[properties.PRESENCE] = confidence
    return values


class AveragePrecisionTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(0)
        self.targets = random_targets(40, 10, self.rng)

    def noisy(self):
        """Predictions near the truth, in another order, all of different confidence; some classes are wrong."""
        noise = self.rng.normal(0.0, 0.3, self.targets.shape)
        noise[..., properties.COORDINATES] *= 0.1
        return (self.targets + noise)[:, self.rng.permutation(10)]

    def score(self, predictions, targets, threshold=-1.0):
        """Of single images with a list of rows each."""
        return float(average_precision(np.array([predictions]), np.array([targets]), [threshold])[0])

    def test_perfect_predictions_in_any_order_score_one(self):
        order = self.rng.permutation(10)
        np.testing.assert_array_equal(average_precision(self.targets[:, order], self.targets), 1.0)

    def test_closer_thresholds_never_score_higher(self):
        scores = average_precision(self.noisy(), self.targets)
        self.assertTrue((np.diff(scores) <= 0.0).all(), scores)
        self.assertTrue(0.0 < scores[-1] < scores[0] < 1.0, scores)

    def test_the_order_of_images_and_rows_is_irrelevant(self):
        predictions, images, rows = self.noisy(), self.rng.permutation(40), self.rng.permutation(10)
        np.testing.assert_allclose(average_precision(predictions[images][:, rows], self.targets[images]),
                                   average_precision(predictions, self.targets), rtol=1e-12)

    def test_the_distance_must_be_smaller_than_the_threshold(self):
        self.assertEqual(self.score([row(0.5)], [row(0.5 + 1 / 12)], 0.5), 0.0)
        self.assertEqual(self.score([row(0.5)], [row(0.5 + 0.99 / 12)], 0.5), 1.0)

    def test_an_object_counts_once_and_there_is_no_second_choice(self):
        twins = [row(0.5), row(0.6)]
        self.assertEqual(self.score([row(0.51), row(0.52, confidence=0.5)], twins), 0.5)
        self.assertEqual(self.score([row(0.51), row(0.59, confidence=0.5)], twins), 1.0)

    def test_one_wrong_class_is_a_false_positive(self):
        # ranked first, it halves the precision of what follows
        self.assertEqual(self.score([row(color=1, confidence=0.9), row(confidence=0.8)], [row()]), 0.5)
        self.assertEqual(self.score([row(color=1, confidence=0.7), row(confidence=0.8)], [row()]), 1.0)

    def test_equal_confidences_rank_in_the_order_of_the_rows(self):
        right, wrong = row(), row(color=1)
        self.assertEqual(self.score([right, wrong], [row()]), 1.0)
        self.assertEqual(self.score([wrong, right], [row()]), 0.5)

    def test_images_beyond_the_first_part_have_objects_of_their_own(self):
        targets = random_targets(5000, 3, self.rng)
        np.testing.assert_array_equal(average_precision(targets, targets), 1.0)
        self.assertLess(average_precision(targets, np.roll(targets, 1, axis=0))[0], 0.2)

    def test_without_objects_there_is_no_score(self):
        self.assertTrue(np.isnan(average_precision(self.targets, 0.0 * self.targets)).all())
        self.assertEqual(len(THRESHOLDS), 5)


class DescribeTest(unittest.TestCase):
    def test_a_row_in_words(self):
        entry, = properties.describe([row(0.25, color=7, confidence=0.5)])
        self.assertEqual(entry, {"confidence": 0.5, "coordinates": [-1.5, -3.0, -3.0], "size": "small",
                                 "material": "rubber", "shape": "cube", "color": "cyan"})
