"""Attention over pixels and what is pooled under it."""

import unittest

import numpy as np

from tests import helpers
from tfobj.layers.soft_argmax_pooling import SoftArgmaxPooling


class SoftArgmaxPoolingTest(unittest.TestCase):
    def test_contract(self):
        maps = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype(np.float32)
        layer = helpers.run_layer_test(self, SoftArgmaxPooling, {"num_slots": 3}, maps, (2, 3, 7), 0,
                                       pick=lambda outputs: outputs[0])
        _, attention = layer(maps)
        self.assertEqual(attention.shape, (2, 3, 4, 6))
        np.testing.assert_allclose(np.sum(attention, axis=(2, 3)), 1.0, atol=1e-6)

    def test_a_peak_is_found_where_it_is(self):
        maps = np.zeros((1, 5, 9, 3), np.float32)
        maps[0, 1, 6, 0], maps[0, 4, 0, 1] = 80.0, 80.0
        maps[0, 1, 6, 2], maps[0, 4, 0, 2] = 7.0, -3.0
        pooled, _ = SoftArgmaxPooling(2)(maps)
        np.testing.assert_allclose(pooled, [[[0.5, -0.5, 7.0], [-1.0, 1.0, -3.0]]], atol=1e-6)

    def test_even_attention_is_in_the_middle(self):
        pooled, _ = SoftArgmaxPooling(2)(np.zeros((1, 4, 4, 3), np.float32))
        np.testing.assert_allclose(pooled, 0.0, atol=1e-6)
