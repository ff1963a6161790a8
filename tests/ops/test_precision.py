"""Islands of float32 or wider."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.ops.precision import at_least_float32, island_dtype


class PrecisionTest(unittest.TestCase):
    def test_narrow_types_are_widened_and_float64_passes(self):
        for given, expected in (("bfloat16", np.float32), ("float16", np.float32), ("float32", np.float32),
                                ("float64", np.float64)):
            tensor = at_least_float32(keras.ops.convert_to_tensor([1.0, 0.5], dtype=given))
            self.assertEqual(helpers.array(tensor).dtype, expected)
            np.testing.assert_array_equal(tensor, [1.0, 0.5])

    def test_island_is_float64_in_a_float64_model_only(self):
        self.addCleanup(keras.config.set_dtype_policy, keras.config.dtype_policy())
        for policy, expected in (("float32", "float32"), ("mixed_bfloat16", "float32"), ("float64", "float64")):
            keras.config.set_dtype_policy(policy)
            self.assertEqual(island_dtype(), expected)
