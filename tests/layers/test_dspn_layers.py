"""The layers of DSPN: sort pooling, set encoder, inner gradient descent, residual network."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.layers.fspool import FsPool
from tfobj.layers.gradient_set_decoder import GradientSetDecoder
from tfobj.layers.padded_convolution import PaddedConvolution
from tfobj.layers.relation_set_encoder import RelationSetEncoder
from tfobj.layers.residual_block import ResidualBlock
from tfobj.layers.residual_network import ResidualNetwork

RNG = np.random.default_rng(0)
SET = RNG.normal(size=(2, 5, 3)).astype(np.float32)
MASK = RNG.random((2, 5)).astype(np.float32)
MAPS = RNG.normal(size=(2, 8, 6, 3)).astype(np.float32)


class FsPoolTest(unittest.TestCase):
    def test_the_layer(self):
        helpers.run_layer_test(self, FsPool, {"num_pieces": 4}, SET, (2, 3), 15)

    def test_weights_fall_on_ranks_from_the_largest(self):
        layer = FsPool(2)
        layer.build(SET.shape)
        layer.knots.assign([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.0, 4.0]])  # largest, middle, smallest
        ranked = np.sort(SET, axis=1)[:, ::-1]
        expected = np.stack([ranked[:, 0, 0] + 0.5 * ranked[:, 1, 0],
                             ranked[:, 2, 1] + 0.5 * (ranked[:, 1, 1] + ranked[:, 3, 1]),
                             2 * ranked[:, 0, 2] + ranked[:, 1, 2] + 2 * ranked[:, 3, 2] + 4 * ranked[:, 4, 2]], axis=1)
        np.testing.assert_allclose(layer(SET), expected, rtol=1e-5)
        np.testing.assert_allclose(layer(SET[:, :1]), SET[:, 0] * [1.0, 0.0, 2.0], rtol=1e-6)


class RelationSetEncoderTest(unittest.TestCase):
    def test_the_layer(self):
        options = {"latent_size": 6, "hidden_size": 7, "num_pieces": 4}
        layer = helpers.run_layer_test(self, RelationSetEncoder, options, SET, (2, 6), 8 * 7 + 7 + 7 * 6 + 6 + 6 * 5,
                                       {"presence": MASK})
        order = [3, 1, 4, 0, 2]
        np.testing.assert_allclose(layer(SET[:, order], MASK[:, order]), layer(SET, MASK), atol=1e-6)
        self.assertGreater(helpers.largest_difference([layer(SET, MASK)], [layer(SET, 0.5 * MASK)]), 1e-3)

    def test_the_published_size(self):
        layer = RelationSetEncoder()
        layer.build((None, 10, 18))
        self.assertEqual(helpers.count_parameters(layer), 293_376)


class GradientSetDecoderTest(unittest.TestCase):
    options = {"num_elements": 4, "num_channels": 3, "latent_size": 6, "hidden_size": 7, "num_pieces": 4,
               "num_iterations": 3, "learning_rate": 20.0}
    latents = RNG.normal(size=(3, 6)).astype(np.float32)

    def decoder(self):
        keras.utils.set_random_seed(0)
        layer = GradientSetDecoder(**self.options)
        layer.build((None, 6))
        return helpers.perturb(layer)

    def test_steps_reduce_the_distance_of_every_example_by_itself(self):
        layer = self.decoder()
        trace = layer(self.latents, num_iterations=6)
        last = layer.distance(self.latents, trace["sets"][-1], trace["masks"][-1])
        self.assertEqual((len(trace["sets"]), len(trace["masks"]), len(trace["distances"])), (7, 7, 6))
        self.assertTrue((np.asarray(last) < np.asarray(trace["distances"][0])).all())
        alone = layer(self.latents[1:2], num_iterations=6)
        np.testing.assert_allclose(alone["sets"][-1][0], trace["sets"][-1][1], atol=1e-4)

    def test_masks_stay_in_the_unit_interval(self):
        layer = self.decoder()
        layer.learning_rate = 1e4
        masks = np.stack(layer(self.latents)["masks"])
        self.assertTrue((masks >= 0.0).all() and (masks <= 1.0).all())
        self.assertTrue({0.0, 1.0} & set(masks[-1].ravel()), "the steps were to leave the interval")

    def test_without_steps_the_set_is_the_start(self):
        layer = self.decoder()
        trace = layer(self.latents, num_iterations=0)
        np.testing.assert_array_equal(trace["sets"][-1][2], layer.starting_set[0])

    def test_gradients_reach_the_start_and_the_encoder_through_the_steps(self):
        layer = self.decoder()
        values = helpers.gradients(layer, lambda: keras.ops.sum(keras.ops.square(layer(self.latents)["sets"][-1])))
        for name, value in values.items():
            self.assertGreater(np.abs(value).max(), 1e-4, name)


class ResidualNetworkTest(unittest.TestCase):
    def test_padding_is_symmetric(self):
        layer = PaddedConvolution(4, 3, 2, use_bias=False, kernel_initializer="ones")
        outputs = helpers.array(layer(np.ones((1, 8, 8, 1), np.float32)))
        self.assertEqual((outputs.shape, layer.compute_output_shape((1, 8, 8, 1))), ((1, 4, 4, 4), (1, 4, 4, 4)))
        np.testing.assert_array_equal(outputs[0, 0, :, 0], [4.0, 6.0, 6.0, 6.0])  # zeros at the top and at the left

    def test_the_block(self):
        count = 2 * (27 * 3 + 6)
        helpers.run_layer_test(self, ResidualBlock, {"channels": 3}, MAPS, (2, 8, 6, 3), count)
        projected = 27 * 5 + 45 * 5 + 15 + 3 * 10
        helpers.run_layer_test(self, ResidualBlock, {"channels": 5, "stride": 2, "project": True}, MAPS, (2, 4, 3, 5),
                               projected)

    def test_the_published_size(self):
        layer = ResidualNetwork()
        layer.build((None, 128, 128, 3))
        self.assertEqual(helpers.count_parameters(layer), 21_284_672)
        self.assertEqual(layer.compute_output_shape((None, 128, 128, 3)), (None, 4, 4, 512))

    def test_shapes_are_those_that_are_announced(self):
        layer = ResidualNetwork(2, (1, 2))
        for size in ((16, 16), (17, 30)):
            outputs = layer(np.zeros((1, *size, 3), np.float32))
            self.assertEqual(tuple(outputs.shape), layer.compute_output_shape((1, *size, 3)))
