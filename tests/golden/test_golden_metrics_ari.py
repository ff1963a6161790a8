"""The adjusted Rand index against the multi-object reference and scikit-learn.

Every prefix that the archive has (`<prefix>_true` with `<prefix>_pred` or `<prefix>_probs`) is scored.
"""

import unittest

import numpy as np

from tests import golden_arrays
from tfobj.metrics import reference
from tfobj.metrics import segmentation


FLOAT32 = 2e-6  # the multi-object reference computes in float32; the index lies in [-1,1]
FLOAT64 = 1e-9


class GoldenMetricsAriTest(unittest.TestCase):
    """One test per kind of expected column."""

    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("metrics_ari")
        cls.prefixes = sorted(name.removesuffix("_true") for name in cls.arrays if name.endswith("_true"))

    def inputs(self, prefix):
        """Returns true labels [B,N], predicted labels [B,N] or masks [B,K,N], and both numbers of labels."""
        arrays = self.arrays
        if f"{prefix}_probs" in arrays:
            predicted = np.moveaxis(arrays[f"{prefix}_probs"], -1, 1)  # [B,N,K] -> [B,K,N]
            num_predicted = predicted.shape[1]
        else:
            predicted, num_predicted = arrays[f"{prefix}_pred"], int(arrays[f"{prefix}_num_pred"])
        return arrays[f"{prefix}_true"], predicted, int(arrays[f"{prefix}_num_true"]), num_predicted

    def check(self, name, actual, tolerance):
        """Compares with the array `name`: NaN in the same places and the rest within `tolerance`."""
        expected, actual = self.arrays[name], np.asarray(actual)
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), err_msg=name)
        error = golden_arrays.relative_error(actual, expected)
        self.assertLessEqual(error, 1e-4, name)
        np.testing.assert_allclose(actual, expected, rtol=0.0, atol=tolerance, err_msg=name)

    def columns(self, ending):
        """Yields (column name, inputs, whether the background is left out) of every prefix that has the column."""
        for prefix in self.prefixes:
            for score, ignore_background in (("ari", False), ("ari_fg", True)):
                name = f"{prefix}_{ending.format(score)}"
                if name in self.arrays:
                    yield name, self.inputs(prefix), ignore_background

    def test_there_is_something_to_compare(self):
        self.assertTrue(self.prefixes)
        self.assertTrue(list(self.columns("{}")))

    def test_reference_mode_equals_multi_object_reference_with_its_nans(self):
        for name, inputs, ignore_background in self.columns("{}"):
            with self.subTest(name):
                actual = segmentation.adjusted_rand_index(*inputs, ignore_background, mode="reference")
                self.check(name, actual, FLOAT32)

    def test_default_mode_equals_scikit_learn(self):
        for name, inputs, ignore_background in self.columns("sklearn_{}"):
            with self.subTest(name):
                self.check(name, segmentation.adjusted_rand_index(*inputs, ignore_background), FLOAT64)

    def test_default_mode_equals_reference_wherever_that_is_a_number_and_defined(self):
        for name, inputs, ignore_background in self.columns("{}"):
            expected = self.arrays[name]
            actual = np.asarray(segmentation.adjusted_rand_index(*inputs, ignore_background))
            table = segmentation.contingency_table(*self.label_maps(inputs), ignore_background)
            _, undefined = segmentation.rand_index_of_table(table)
            with self.subTest(name):
                defined = ~np.asarray(undefined)
                np.testing.assert_allclose(actual[defined], expected[defined], rtol=0.0, atol=FLOAT32)

    def test_numpy_reference_equals_scikit_learn(self):
        for name, inputs, ignore_background in self.columns("sklearn_{}"):
            true, predicted, num_true, num_predicted = self.label_maps(inputs)
            actual = [reference.adjusted_rand_index(*pair, num_true, num_predicted, ignore_background)
                      for pair in zip(true, predicted)]
            with self.subTest(name):
                self.check(name, actual, FLOAT64)

    def test_masks_of_0_and_255_give_the_documented_wrong_values(self):
        """A label map cannot be scaled; a table of 255 times the counts reproduces the mistake."""
        for name, inputs, ignore_background in self.columns("{}_mask255"):
            table = segmentation.contingency_table(*self.label_maps(inputs), ignore_background)
            with self.subTest(name):
                self.check(name, segmentation.rand_index_of_table(255 * table)[0], FLOAT32)

    def label_maps(self, inputs):
        """The same inputs with soft masks turned into label maps."""
        true, predicted, num_true, num_predicted = inputs
        if np.ndim(predicted) > np.ndim(true):
            predicted = np.asarray(segmentation.labels_of(predicted))
        return true, predicted, num_true, num_predicted


if __name__ == "__main__":
    unittest.main()
