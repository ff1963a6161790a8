"""The test case of the GENESIS family's arrays."""

import unittest

import keras

from tests import golden_arrays
from tests.golden.genesis_v2_weights import like

TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4


class GoldenTest(unittest.TestCase):
    """Base of cases that compare with one archive.

    Attributes:
        stem: str. The archive is `genesis_v2_STEM`.
        arrays: Dict of its arrays.
    """

    stem = None

    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load(f"genesis_v2_{cls.stem}") if cls.stem else {}

    def check(self, actual, name, tolerance=TOLERANCE):
        """Compares a tensor with the stored array of a name, by the largest relative error."""
        expected = self.arrays[name]
        actual = like(keras.ops.convert_to_numpy(actual), expected)
        self.assertLess(golden_arrays.relative_error(actual, expected), tolerance, name)
