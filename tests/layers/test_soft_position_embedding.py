"""The soft position embedding."""

import unittest

import numpy as np

from tests import helpers
from tfobj.layers.soft_position_embedding import SoftPositionEmbedding
from tfobj.ops.coordinates import position_grid


class SoftPositionEmbeddingTest(unittest.TestCase):
    def test_layer(self):
        inputs = helpers.unit_images(2, (6, 8, 3))
        helpers.run_layer_test(self, SoftPositionEmbedding, {}, inputs, (2, 6, 8, 3), num_parameters=4 * 3 + 3)

    def test_adds_the_mapped_grid(self):
        layer = SoftPositionEmbedding()
        features = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
        layer.build(features.shape)
        layer.dense.kernel.assign(np.eye(4))
        layer.dense.bias.assign([0.0, 0.0, 0.0, 10.0])
        expected = features + position_grid(3, 5) + [0, 0, 0, 10]
        np.testing.assert_allclose(layer(features), expected, atol=1e-6)

    def test_grid_follows_the_size_of_the_map(self):
        layer = SoftPositionEmbedding()
        layer.build((None, 4, 4, 4))
        layer.dense.kernel.assign(np.eye(4))
        for height, width in ((4, 4), (9, 2), (1, 6)):
            added = helpers.array(layer(np.zeros((1, height, width, 4), np.float32)))
            np.testing.assert_allclose(added, position_grid(height, width), atol=1e-6)

    def test_a_single_cell_is_spread_over_a_given_size(self):
        layer = SoftPositionEmbedding()
        cell = helpers.unit_images(2, (1, 1, 3))
        spread = layer(cell, size=(4, 6))
        expected = layer(np.tile(cell, (1, 4, 6, 1)))
        np.testing.assert_allclose(spread, expected, atol=1e-6)
