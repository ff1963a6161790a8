"""The transformer over slots."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.layers.slot_transformer import SlotTransformer
from tfobj.layers.transformer_encoder_layer import TransformerEncoderLayer
from tfobj.ops import dropout

SMALL = {"slot_size": 7, "width": 8, "num_heads": 2, "hidden_size": 12, "num_layers": 2}


class SlotTransformerTest(unittest.TestCase):
    slots = np.random.default_rng(0).normal(size=(2, 3, 7)).astype(np.float32)

    def test_contract(self):
        layer = 4 * 8 * 8 + 4 * 8 + 2 * 8 * 12 + 12 + 8 + 4 * 8
        self.layer = helpers.run_layer_test(self, SlotTransformer, SMALL, self.slots, (2, 3, 7),
                                            2 * layer + 2 * 7 * 8 + 8 + 7)
        permuted = self.layer(self.slots[:, ::-1])
        np.testing.assert_allclose(permuted, helpers.array(self.layer(self.slots))[:, ::-1], atol=1e-6)

    def test_published_size(self):
        for size in (36, 37):  # one scale, two
            layer = SlotTransformer(size)
            layer.build((None, None, size))
            self.assertEqual(helpers.count_parameters(layer), 3_162_624 + 2 * 256 * size + 256 + size)

    def test_initial_weights_are_those_of_pytorch(self):
        keras.utils.set_random_seed(0)
        layer = TransformerEncoderLayer(256, 8, 512)
        layer.build((None, None, 256))
        for weight, limit in ((layer.qkv.kernel, 0.0765), (layer.out.kernel, 0.0625), (layer.hidden.kernel, 0.0625),
                              (layer.hidden.bias, 0.0625), (layer.final.bias, 512**-0.5)):
            largest = np.abs(helpers.array(weight)).max()
            self.assertTrue(0.97 * limit < largest < 1.001 * limit, weight.path)
        for layer in (layer.qkv, layer.out):
            np.testing.assert_array_equal(layer.bias, 0.0)

    def test_dropout_needs_seeds(self):
        layer = SlotTransformer(**SMALL, dropout_rate=0.5)
        seeds = dropout.seeds_of(np.array([[0.1, 0.2], [0.3, 0.4]]))
        plain, dropped = layer(self.slots), layer(self.slots, seeds=seeds)
        self.assertGreater(helpers.largest_difference(plain, dropped), 0.01)
        np.testing.assert_array_equal(dropped, layer(self.slots, seeds=seeds))
        alone = layer(self.slots[1:], seeds=seeds[1:])
        np.testing.assert_allclose(alone, dropped[1:], atol=1e-6)
