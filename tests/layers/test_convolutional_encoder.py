"""The convolutional encoder."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.layers.convolutional_encoder import ConvolutionalEncoder


class ConvolutionalEncoderTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)

    def test_layer(self):
        inputs = helpers.unit_images(2, (10, 12, 3))
        # Two 5x5 convolutions, the embedding, LayerNorm and two dense layers.
        count = (25 * 3 * 4 + 4) + (25 * 4 * 4 + 4) + (4 * 4 + 4) + 2 * 4 + 2 * (4 * 4 + 4)
        arguments = {"channels": 4, "strides": (2, 1)}
        helpers.run_layer_test(self, ConvolutionalEncoder, arguments, inputs, (2, 5, 6, 4), count)

    def test_position_embedding_can_be_removed(self):
        inputs = helpers.unit_images(2, (6, 6, 1))
        count = (25 * 4 + 4) + 2 * 4 + 2 * (4 * 4 + 4)
        arguments = {"channels": 4, "strides": (1,), "position_embedding": False}
        helpers.run_layer_test(self, ConvolutionalEncoder, arguments, inputs, (2, 6, 6, 4), count)

    def test_published_parameter_counts(self):
        for channels, count in ((64, 321_024), (32, 81_664)):
            layer = ConvolutionalEncoder(channels, (1, 1, 1, 1))
            layer.build((None, 35, 35, 3))
            self.assertEqual(helpers.count_parameters(layer), count)

    def test_without_convolutions_the_pixels_are_the_features(self):
        layer = ConvolutionalEncoder(4, ())
        self.assertEqual(tuple(layer(helpers.unit_images(1, (5, 6, 3))).shape), (1, 5, 6, 4))

    def test_odd_sizes_round_up(self):
        layer = ConvolutionalEncoder(4, (2, 2))
        self.assertEqual(tuple(layer(helpers.unit_images(1, (35, 33, 3))).shape), (1, 9, 9, 4))

    def test_without_positions_a_shifted_image_gives_shifted_features(self):
        layer = ConvolutionalEncoder(4, (1, 1), position_embedding=False)
        image = np.zeros((1, 24, 24, 3), np.float32)
        image[:, 8:12, 9:13] = helpers.unit_images(1, (4, 4, 3), seed=3)
        shifted = np.roll(image, (3, -2), axis=(1, 2))
        features = helpers.array(layer(image))
        np.testing.assert_allclose(layer(shifted), np.roll(features, (3, -2), axis=(1, 2)), atol=1e-5)

    def test_a_pixel_reaches_only_its_receptive_field(self):
        """Each location is normalised on its own: four 5x5 convolutions look eight pixels far, LayerNorm no further."""
        layer = helpers.perturb(_built(ConvolutionalEncoder(4, (1, 1, 1, 1)), (None, 24, 24, 3)))
        image = helpers.unit_images(1, (24, 24, 3))
        changed = image.copy()
        changed[0, 0, 0] += 1.0
        difference = np.abs(helpers.array(layer(changed)) - helpers.array(layer(image))).max(axis=-1)[0]
        self.assertGreater(difference[8, :9].max(), 0.0)
        self.assertGreater(difference[:9, 8].max(), 0.0)
        self.assertEqual(difference[9:].max(), 0.0)
        self.assertEqual(difference[:, 9:].max(), 0.0)

    def test_strided_convolution_reads_one_before_and_three_after(self):
        """Stride 2, kernel 5, even size: output o reads inputs 2o + t - 1."""
        layer = _built(ConvolutionalEncoder(1, (2,)), (None, 8, 8, 1))
        layer.convolutions[0].kernel.assign(np.arange(1.0, 26.0).reshape(5, 5, 1, 1))
        image = np.zeros((1, 8, 8, 1), np.float32)
        image[0, 3, 4] = 1.0
        features = helpers.array(layer.convolve(image))[0, :, :, 0]
        for o in range(4):
            for p in range(4):
                t, u = 3 - 2 * o + 1, 4 - 2 * p + 1
                expected = 5 * t + u + 1 if 0 <= t < 5 and 0 <= u < 5 else 0
                self.assertEqual(features[o, p], expected, (o, p))


def _built(layer, shape):
    layer.build(shape)
    return layer
