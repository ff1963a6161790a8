"""Objects as rows of numbers."""

import unittest

import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests import sets
from tfobj import properties
from tfobj.data.scenes import clevr
from tfobj.ops import property_sets


class PropertySetsTest(unittest.TestCase):
    def test_the_target_of_the_reference(self):
        arrays = golden_arrays.load("slot_attention_misc")
        expected = arrays["clevr/target"]
        padding = [(0, 0), (0, len(expected) - len(arrays["clevr/objects/size"]))]
        objects = {factor: np.pad(arrays[f"clevr/objects/{factor}"][None], padding) for factor in properties.CLASSES}
        objects["coords_3d"] = np.pad(arrays["clevr/objects/3d_coords"][None], [*padding, (0, 0)])
        exists = np.arange(len(expected) + 1)[None] <= len(arrays["clevr/objects/size"])
        actual = property_sets.property_targets(objects, exists)[0]
        self.assertLess(golden_arrays.relative_error(actual, expected), 1e-6)

    def test_factors_and_back(self):
        targets = sets.random_targets(6, 10, np.random.default_rng(0))
        objects, visibility = sets.factors_of(targets)
        self.assertTrue((objects["color"][~visibility[:, 1:]] > 0).any(), "what is not there must not matter")
        np.testing.assert_allclose(property_sets.property_targets(objects, visibility), targets, atol=1e-6)

    def test_classes_are_those_of_the_scenes(self):
        self.assertEqual(properties.CLASSES, {"size": clevr.SIZES, "material": clevr.MATERIALS, "shape": clevr.SHAPES,
                                              "color": clevr.COLORS})
        self.assertEqual((properties.PRESENCE, properties.NUM_PROPERTIES), (18, 19))
        self.assertEqual(properties.COLUMNS, {"size": slice(3, 5), "material": slice(5, 7), "shape": slice(7, 10),
                                              "color": slice(10, 18)})

    def test_rows_are_added_and_left_out_behind_the_objects(self):
        targets = np.zeros((2, 4, 19), np.float32)
        targets[0, (1, 3), 18], targets[0, 1, 0], targets[0, 3, 0] = 1.0, 0.1, 0.3
        targets[1, :, 18], targets[1, :, 0] = 1.0, [0.1, 0.2, 0.3, 0.4]
        for number, expected in ((3, [[0.1, 0.3, 0.0], [0.1, 0.2, 0.3]]),
                                 (4, [[0.1, 0.3, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]]),
                                 (5, [[0.1, 0.3, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4, 0.0]])):
            rows = property_sets.first_objects(tf.constant(targets), number)
            np.testing.assert_allclose(rows[..., 0], expected)
            np.testing.assert_array_equal(rows[..., 18] > 0, np.array(expected) > 0)

    def test_rows_of_zeros_are_added_and_none_is_left_out(self):
        targets = sets.random_targets(2, 4, np.random.default_rng(0))
        np.testing.assert_array_equal(property_sets.with_rows(targets, 3), targets)
        rows = property_sets.with_rows(targets, 6)
        np.testing.assert_array_equal(rows[:, :4], targets)
        np.testing.assert_array_equal(rows[:, 4:], 0.0)
        np.testing.assert_array_equal(property_sets.is_padding(targets), targets[..., properties.PRESENCE] == 0.0)

    def test_coordinates_weigh_more(self):
        np.testing.assert_array_equal(property_sets.coordinate_weights(2.0), [2.0] * 3 + [1.0] * 16)
