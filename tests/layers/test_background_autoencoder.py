"""The background model."""

import unittest

import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.background_autoencoder import BackgroundAutoencoder, background_channels
from tfobj.ops.convolution_geometry import reductions

# Weights of encoder and decoder as the released code has them.
PUBLISHED = {((32, 32), "simple"): (1_005_984, 2_737_544), ((32, 32), "complex"): (963_456, 12_786_152),
             ((64, 64), "simple"): (2_942_624, 7_679_368), ((64, 64), "complex"): (2_900_096, 43_572_712),
             ((128, 128), "simple"): (3_590_944, 9_331_080), ((128, 128), "complex"): (21_183_616, 48_633_192)}


class BackgroundAutoencoderTest(unittest.TestCase):
    def test_contract(self):
        encoder, decoder = background_channels((32, 32), "tiny")
        arguments = {"image_size": (32, 32), "encoder_channels": encoder, "decoder_channels": decoder}
        # Kernels 5, 5, 5, 4, 2 at either end; two channels of coordinates in front of each.
        taps = (25, 25, 25, 16, 4)
        parameters = 25 * 5 * 16 + sum(taps[1:]) * 18 * 16 + 5 * 32 + sum(taps[1:]) * 18 * 16 + 4 * 32 + 25 * 18 * 4
        layer = helpers.run_layer_test(self, BackgroundAutoencoder, arguments, helpers.unit_images(2, (32, 32, 3)),
                                       (2, 32, 32, 4), parameters)
        self.assertEqual(layer.encode(helpers.unit_images(2, (32, 32, 3))).shape, (2, 16))

    def test_published_sizes(self):
        for (size, complexity), expected in PUBLISHED.items():
            layer = BackgroundAutoencoder(size, *background_channels(size, complexity))
            layer.build((None, *size, 3))
            for blocks, count in zip((layer.encoder, layer.decoder), expected):
                self.assertEqual(sum(map(helpers.count_parameters, blocks)), count, (size, complexity))

    def test_sizes_of_the_published_images(self):
        for size, sides in (((32, 32), (32, 16, 8, 4, 2)), ((64, 64), (64, 32, 16, 8, 4, 2)),
                            ((128, 128), (128, 64, 32, 16, 8, 4, 2))):
            self.assertEqual([step.input_size for step in reductions(size)], [(side, side) for side in sides])
        self.assertEqual([step.input_size for step in reductions((200, 320))],
                         [(200, 320), (67, 107), (23, 36), (8, 12), (3, 4)])

    def test_other_than_square_images_come_back(self):
        for size in ((48, 64), (200, 320)):
            layer = BackgroundAutoencoder(size, *background_channels(size, "tiny"))
            self.assertEqual(layer(np.zeros((1, *size, 3), np.float32)).shape, (1, *size, 4))

    def test_other_sizes_are_refused(self):
        for size in ((16, 16), (196, 196), (1, 1)):
            with self.assertRaisesRegex(UserError, "do not fit the background model"):
                reductions(size)
        for first, last in ((25, 192), (200, 3645)):  # as the message says, whatever the other side is
            for size in ((first, first), (first, 1), (1, last), (last, last)):
                self.assertIn(len(reductions(size)), (5, 6, 7), size)
            for side in (first - 1, last + 1):
                with self.assertRaisesRegex(UserError, f"{first} to {last}"):
                    reductions((side, side))

    def test_coordinates(self):
        layer = BackgroundAutoencoder((48, 64), *background_channels((48, 64), "tiny"))
        grid = layer.encoder[0].grid()[0]
        np.testing.assert_allclose(grid[[0, 0, -1], [0, -1, 0]], [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5]])
        np.testing.assert_array_equal(layer.decoder[0].grid()[0], [[[1.0, 1.0]]])
        np.testing.assert_array_equal(layer.decoder[1].grid()[0], [[[1.0, -0.5], [1.0, 0.5]]])  # 1x2
