"""Operations counted by hand, layer by layer, and of the published model."""

import unittest

import keras
import numpy as np
from keras import ops

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import registry
from tfobj.benchmarks import flops


def count(layer, *shapes):
    """by_kind of one call of a layer, which is built here."""
    layer(*(np.zeros(shape, np.float32) for shape in shapes))
    return flops.count_call(layer, *(keras.KerasTensor(shape, "float32") for shape in shapes)).by_kind


class Products(keras.layers.Layer):
    """What is written with `keras.ops`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, *inputs):
        return self.function(*inputs)


class LayersTest(unittest.TestCase):
    def test_convolutions(self):
        layers = keras.layers
        for layer, shape, expected in (
                (layers.Conv2D(5, 3, padding="same"), (2, 8, 6, 4), 2 * (2 * 8 * 6) * 9 * 4 * 5),
                (layers.Conv2D(5, 3, 2, padding="same"), (2, 8, 6, 4), 2 * (2 * 4 * 3) * 9 * 4 * 5),
                (layers.Conv2D(6, (3, 1)), (1, 8, 6, 4), 2 * (6 * 6) * 3 * 4 * 6),
                (layers.Conv2D(6, 3, groups=2, padding="same"), (1, 4, 4, 4), 2 * 16 * 9 * 2 * 6),
                (layers.Conv1D(7, 2), (3, 9, 2), 2 * (3 * 8) * 2 * 2 * 7),
                (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), (1, 4, 4, 5), 2 * 16 * 9 * 5 * 2),
                (layers.SeparableConv2D(7, 3, padding="same"), (1, 4, 4, 5), 2 * 16 * (9 * 5 + 5 * 7))):
            self.assertEqual(count(layer, shape), {"convolution": expected})
        for stride, padding in ((1, "same"), (2, "same"), (2, "valid")):
            layer = keras.layers.Conv2DTranspose(3, 5, stride, padding=padding)
            self.assertEqual(count(layer, (2, 4, 6, 7)), {"transposed_convolution": 2 * (2 * 4 * 6) * 25 * 7 * 3})

    def test_dense_layers_and_cells(self):
        self.assertEqual(count(keras.layers.Dense(5), (2, 3, 4)), {"dense": 2 * 6 * 4 * 5})
        self.assertEqual(count(keras.layers.EinsumDense("abc,cde->abde", (None, 5, 6)), (2, 3, 4)),
                         {"dense": 2 * 2 * 3 * 4 * 5 * 6})
        self.assertEqual(count(keras.layers.GRUCell(5), (6, 4), (6, 5)), {"recurrent": 2 * 6 * 3 * 5 * (4 + 5)})
        cell = keras.layers.LSTMCell(5)
        run = Products(lambda value, state: cell(value, [state, state])[0])
        self.assertEqual(count(run, (6, 4), (6, 5)), {"recurrent": 2 * 6 * 4 * 5 * (4 + 5)})

    def test_attention_has_its_projections_and_two_products(self):
        attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=5)
        self.assertEqual(count(attention, (2, 4, 8), (2, 6, 8)), {
            "dense": 2 * 2 * (4 * 8 * 6 + 6 * 8 * 6 + 6 * 8 * 10 + 4 * 10 * 8), "product": 2 * 2 * 2 * 4 * 6 * (3 + 5)})

    def test_products_of_tensors(self):
        for function, shapes, expected in (
                (lambda a, b: ops.einsum("bnd,bkd->bnk", a, b), ((2, 5, 3), (2, 4, 3)), 2 * 2 * 5 * 3 * 4),
                (lambda a, b: ops.einsum("...ij,jk->...ik", a, b), ((2, 3, 4, 5), (5, 6)), 2 * 6 * 4 * 5 * 6),
                (lambda a, b, c: ops.einsum("ij,jk,kl->il", a, b, c), ((2, 3), (3, 4), (4, 5)), 2 * 2 * 2 * 3 * 4 * 5),
                (lambda a, b: ops.einsum("bk,bk->bk", a, b), ((2, 5), (2, 5)), None),  # no sum
                (lambda a: ops.einsum("ij->ji", a), ((2, 5),), None),
                (lambda a, b: ops.matmul(a, b), ((2, 3, 4), (2, 4, 5)), 2 * 2 * 3 * 4 * 5),
                (lambda a, b: ops.dot(a, b), ((2, 3, 4), (4, 5)), 2 * 2 * 3 * 4 * 5),
                (lambda a, b: ops.tensordot(a, b, 2), ((2, 3, 4), (3, 4, 5)), 2 * 2 * 3 * 4 * 5)):
            self.assertEqual(count(Products(function), *shapes), {"product": expected} if expected else {})

    def test_a_layer_that_is_called_twice_counts_twice(self):
        dense = keras.layers.Dense(4)
        self.assertEqual(count(Products(lambda x: dense(dense(x))), (2, 4)), {"dense": 2 * 2 * 2 * 4 * 4})

    def test_what_is_not_known_is_named(self):
        loop = keras.layers.SimpleRNN(3)
        layer = Products(lambda sequence: loop(sequence))
        layer(np.zeros((2, 5, 4), np.float32))
        self.assertIn("SimpleRNN", flops.count_call(layer, keras.KerasTensor((2, 5, 4), "float32")).uncounted)

    def test_nothing_stays_changed(self):
        before = keras.layers.Layer.__call__, ops.einsum, ops.matmul
        with self.assertRaises(ValueError):
            flops.count_call(keras.layers.Dense(2), keras.KerasTensor((), "float32"))
        self.assertEqual((keras.layers.Layer.__call__, ops.einsum, ops.matmul), before)


class SlotAttentionTest(unittest.TestCase):
    def test_the_published_clevr_model(self):
        experiment = read_experiment("--flagfile=experiments/slot_attention_clevr6.flags")
        model = registry.build_model(experiment.model, experiment.model_config, (128, 128, 3))
        counted = flops.count(model, batch_size=8)
        places, images, slots, times = 128 * 128, 8, 8 * 7, 3
        self.assertEqual(counted.by_kind, {
            "convolution": 2 * images * places * 25 * (3 * 64 + 3 * 64 * 64),
            "transposed_convolution": 2 * slots * (
                25 * 64 * 64 * (8**2 + 16**2 + 32**2 + 64**2 + 128**2) + places * 9 * 64 * 4),
            # Two layers, keys and values at every place, the positions' maps of both grids, and of each slot in each
            # iteration the query and the two layers.
            "dense": 2 * (images * places * 4 * 64 * 64 + (places + 8 * 8) * 4 * 64
                          + times * slots * (64 * 64 + 2 * 64 * 128)),
            "recurrent": 2 * times * slots * 3 * 64 * (64 + 64),
            "product": 2 * times * 2 * images * places * 7 * 64})
        self.assertEqual(counted.uncounted, ())
        convolutions = counted.by_kind["convolution"] + counted.by_kind["transposed_convolution"]
        self.assertAlmostEqual(flops.TRAINING_STEP * convolutions / 1e12, 1.008, delta=0.002)
        self.assertEqual(counted.training_step, 3 * counted.forward)
        self.assertAlmostEqual(counted.training_step / 1e12, 1.024, delta=0.001)

    def test_the_count_grows_with_the_batch_and_overrides_nothing(self):
        model = registry.build_model("slot_attention", helpers.slot_attention_config(), (8, 8, 3))
        one, four = flops.count(model, 1).by_kind, flops.count(model, 4).by_kind
        for kind in ("convolution", "transposed_convolution", "recurrent", "product"):
            self.assertEqual(four[kind], 4 * one[kind])
        image = helpers.unit_images(2, (8, 8, 3))
        before = model(image, noise=helpers.noise_of(model, 2))["masks"]
        flops.count(model, 2)
        np.testing.assert_array_equal(model(image, noise=helpers.noise_of(model, 2))["masks"], before)
