"""Adjusted Rand index: definition, precision, edge cases and the places where it must run."""

import unittest
from unittest import mock

import keras
import numpy as np
from sklearn.metrics import adjusted_rand_score
import tensorflow as tf

from tfobj.metrics import reference
from tfobj.metrics import segmentation


def random_maps(seed, batch=6, side=12, num_true=4, num_predicted=5):
    """Label maps [B,side,side] that agree more or less."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, num_true, (batch, side, side))
    noise = generator.integers(0, num_predicted, true.shape)
    keep = generator.random(true.shape) < np.linspace(0.0, 1.0, batch)[:, None, None]
    return true, np.where(keep, true, noise)


def two_blocks(sizes):
    """One image per contingency table: flat label maps with `table[i][j]` pixels of labels (i, j)."""
    pairs = [(i, j) for i, row in enumerate(sizes) for j, count in enumerate(row) for _ in range(count)]
    true, predicted = np.array(pairs).T
    return true[None], predicted[None]


class AdjustedRandIndexTest(unittest.TestCase):

    def test_equals_scikit_learn_with_and_without_background(self):
        for seed in range(5):
            true, predicted = random_maps(seed)
            for ignore in (False, True):
                actual = segmentation.adjusted_rand_index(true, predicted, 4, 5, ignore)
                for index, value in enumerate(np.asarray(actual)):
                    pixels = (true[index] > 0) | (not ignore)
                    expected = adjusted_rand_score(true[index][pixels], predicted[index][pixels])
                    self.assertAlmostEqual(value, expected, delta=1e-12)

    def test_float32_formula_stays_within_1e_6_also_where_the_sums_nearly_cancel(self):
        cases = [[[76000, 3], [2, 4]], [[70000, 0], [1, 1]], [[1, 76000], [1, 1]], [[5000, 100], [30, 60]],
                 [[76800, 1]], [[300, 5, 2], [4, 200, 1], [0, 3, 1]], [[20000, 20000], [20000, 20001]]]
        cases += [np.random.default_rng(seed).integers(0, 2000, (8, 7)).tolist() for seed in range(3)]
        for table in cases:
            exact = reference.rand_index_of_table(np.array(table))
            for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-6)):
                with mock.patch.object(segmentation, "wide_dtype", lambda: dtype):
                    actual, undefined = segmentation.rand_index_of_table(keras.ops.array([table], "int32"))
                self.assertEqual(keras.backend.standardize_dtype(actual.dtype), dtype)
                self.assertFalse(undefined[0])
                self.assertLess(abs(float(actual[0]) - exact), tolerance, table)

    def test_zero_over_zero_is_one_by_default_and_nan_in_reference_mode(self):
        true = np.array([[0, 0, 0, 0], [0, 2, 2, 0], [0, 1, 0, 0], [0, 1, 2, 0]])
        predicted = np.array([[0, 1, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 2, 0]])
        default = segmentation.adjusted_rand_index(true, predicted, 3, 3, ignore_background=True)
        np.testing.assert_array_equal(default, np.ones(4))
        strict = segmentation.adjusted_rand_index(true, predicted, 3, 3, ignore_background=True, mode="reference")
        self.assertTrue(np.isnan(strict).all())

    def test_a_large_nearly_uniform_image_is_not_mistaken_for_an_undefined_one(self):
        true, predicted = two_blocks([[76799, 0], [0, 1]])
        self.assertEqual(float(segmentation.adjusted_rand_index(true, predicted, 2, 2)[0]), 1.0)
        true, predicted = two_blocks([[76799, 1], [0, 0]])
        self.assertEqual(float(segmentation.adjusted_rand_index(true, predicted, 2, 2)[0]), 0.0)

    def test_ignored_pixels_count_nowhere(self):
        true, predicted = random_maps(1)
        ignored = np.random.default_rng(2).random(true.shape) < 0.3
        actual = segmentation.adjusted_rand_index(np.where(ignored, 255, true), predicted, 256, 5)
        expected = [adjusted_rand_score(*(labels[index][~ignored[index]] for labels in (true, predicted)))
                    for index in range(len(true))]
        np.testing.assert_allclose(actual, expected, atol=1e-12)

    def test_invariant_to_relabelling_and_to_slots_on_the_background(self):
        true, predicted = random_maps(3)
        value = np.asarray(segmentation.adjusted_rand_index(true, predicted, 4, 6, True))
        relabelled = np.array([4, 2, 0, 1, 3])[predicted]
        np.testing.assert_allclose(segmentation.adjusted_rand_index(true, relabelled, 4, 6, True), value, atol=1e-12)
        np.testing.assert_array_equal(
            segmentation.adjusted_rand_index(true, np.where(true == 0, 5, predicted), 4, 6, True), value)

    def test_soft_masks_are_scored_by_their_largest_with_the_lowest_index_on_ties(self):
        generator = np.random.default_rng(4)
        true, masks = generator.integers(0, 3, (3, 8, 8)), generator.random((3, 4, 8, 8)).astype(np.float32)
        masks[2] = 0.25
        np.testing.assert_array_equal(segmentation.labels_of(masks)[2], np.zeros((8, 8)))
        np.testing.assert_array_equal(
            segmentation.adjusted_rand_index(true, masks, 3),
            segmentation.adjusted_rand_index(true, np.argmax(masks, axis=1), 3, 4))

    def test_tables_and_values_equal_the_numpy_reference(self):
        true, predicted = random_maps(5, num_true=6, num_predicted=3)
        true[:, 0] = 255
        for ignore in (False, True):
            tables = segmentation.contingency_table(true.astype(np.uint8), predicted, 6, 3, ignore)
            values = segmentation.adjusted_rand_index(true, predicted, 6, 3, ignore)
            for index in range(len(true)):
                expected = reference.contingency_table(true[index], predicted[index], 6, 3, ignore)
                np.testing.assert_array_equal(tables[index], expected)
                self.assertAlmostEqual(float(values[index]), reference.rand_index_of_table(expected), delta=1e-12)

    def test_one_graph_serves_every_batch_size_also_under_xla(self):
        for jit_compile in (False, True):
            traces = []

            @tf.function(jit_compile=jit_compile, input_signature=[tf.TensorSpec([None, 12, 12], tf.uint8)] * 2)
            def score(true, predicted):
                traces.append(1)
                return segmentation.adjusted_rand_index(true, predicted, 4, 5, ignore_background=True)

            true, predicted = (labels.astype(np.uint8) for labels in random_maps(6))
            expected = np.asarray(segmentation.adjusted_rand_index(true, predicted, 4, 5, ignore_background=True))
            for batch in (1, 6):
                np.testing.assert_allclose(score(true[:batch], predicted[:batch]), expected[:batch], atol=1e-12)
            self.assertEqual(len(traces), 1)

    def test_has_foreground_looks_past_background_and_ignored_pixels(self):
        true = np.array([[0, 0], [0, 255], [0, 3], [1, 1]], np.uint8)
        np.testing.assert_array_equal(segmentation.has_foreground(true), [False, False, True, True])

    def test_misuse_is_refused(self):
        labels = np.zeros((1, 4), np.int32)
        with self.assertRaisesRegex(ValueError, "mode='nan'"):
            segmentation.adjusted_rand_index(labels, labels, 2, 2, mode="nan")
        with self.assertRaisesRegex(ValueError, "num_predicted"):
            segmentation.adjusted_rand_index(labels, labels, 2)


if __name__ == "__main__":
    unittest.main()
