"""The smaller layers of GENESIS-V2: embedding, posterior, prior, decoder."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.autoregressive_prior import AutoregressivePrior
from tfobj.layers.gaussian_head import GaussianHead
from tfobj.layers.normalized_broadcast_decoder import NormalizedBroadcastDecoder
from tfobj.layers.semi_convolutional_embedding import SemiConvolutionalEmbedding


def normal(*shape):
    """Normal numbers, float32."""
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


class SemiConvolutionalEmbeddingTest(unittest.TestCase):
    def test_layer(self):
        helpers.run_layer_test(self, SemiConvolutionalEmbedding, {"size": 8}, normal(2, 4, 5, 3), (2, 4, 5, 8), 33)
        helpers.run_layer_test(self, SemiConvolutionalEmbedding, {"size": 8, "semi_convolutional": False},
                               normal(2, 4, 5, 3), (2, 4, 5, 8), 32)

    def test_at_first_it_is_the_place_of_the_pixel_row_before_column(self):
        embeddings = helpers.array(SemiConvolutionalEmbedding(4)(normal(1, 3, 5, 2)))[0]
        np.testing.assert_array_equal(embeddings[..., :2], 0.0)
        np.testing.assert_allclose(embeddings[:, 1, 2:], [[-1, -0.5], [0, -0.5], [1, -0.5]])


class GaussianHeadTest(unittest.TestCase):
    def test_layer(self):
        count = 12 + 6 * 6 + 6 + 6 * 8 + 8
        for pick in (0, 1):
            helpers.run_layer_test(self, GaussianHead, {"latent_size": 4}, normal(2, 3, 6), (2, 3, 4), count,
                                   pick=lambda outputs, pick=pick: outputs[pick])
        _, std = GaussianHead(4)(normal(2, 3, 6))
        self.assertTrue((helpers.array(std) > 0.0).all())


class AutoregressivePriorTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.layer = AutoregressivePrior(4, 6, name="prior")
        self.latents = normal(2, 5, 4)
        self.layer.build(self.latents.shape)
        helpers.perturb(self.layer)

    def test_layer(self):
        count = 4 * 24 + 6 * 24 + 24 + 6 * 8 + 8
        for pick in (0, 1):
            helpers.run_layer_test(self, AutoregressivePrior, {"latent_size": 4, "units": 6}, self.latents, (2, 5, 4),
                                   count, pick=lambda outputs, pick=pick: outputs[pick])

    def test_a_slot_depends_on_those_before_it_alone(self):
        mean, std = map(helpers.array, self.layer(self.latents))
        np.testing.assert_array_equal(mean[:, 0], 0.0)
        np.testing.assert_array_equal(std[:, 0], 1.0)
        for k in range(5):
            changed = self.latents.copy()
            changed[:, k] += 1.0
            other = helpers.array(self.layer(changed)[0])
            np.testing.assert_array_equal(other[:, :k + 1], mean[:, :k + 1])
            if k < 4:
                self.assertGreater(np.abs(other[:, k + 1:] - mean[:, k + 1:]).max(axis=(0, 2)).min(), 1e-5)

    def test_samples_have_the_prior_of_their_own_past(self):
        noise = normal(3, 5, 4)
        latents = helpers.array(self.layer.sample(noise))
        mean, std = self.layer(latents)
        np.testing.assert_allclose((latents - mean) / std, noise, atol=1e-5)
        np.testing.assert_array_equal(latents[:, 0], noise[:, 0])


class NormalizedBroadcastDecoderTest(unittest.TestCase):
    def test_layer(self):
        count = 25 * 16 * (5 + 2) + 16 + 3 * (25 * 16 * 16 + 16) + 4 * 32 + 16 * 4 + 4
        arguments = {"image_size": (32, 16), "output_channels": 4, "channels": 16}
        helpers.run_layer_test(self, NormalizedBroadcastDecoder, arguments, normal(2, 3, 5), (2, 3, 32, 16, 4), count)

    def test_published_parameter_count(self):
        layer = NormalizedBroadcastDecoder((64, 64), 4, 64)
        layer.build((None, None, 64))
        self.assertEqual(helpers.count_parameters(layer), 413_828)

    def test_every_slot_is_painted_alone(self):
        layer = NormalizedBroadcastDecoder((16, 16), 4, 8)
        latents = normal(2, 3, 5)
        canvas = helpers.array(layer(latents))
        for k in range(3):
            np.testing.assert_allclose(layer(latents[:, k:k + 1])[:, 0], canvas[:, k], atol=1e-5)

    def test_image_sizes_that_are_no_multiple_of_sixteen_are_refused(self):
        with self.assertRaisesRegex(UserError, "images are 32x35"):
            NormalizedBroadcastDecoder((32, 35), 4, 8)


if __name__ == "__main__":
    unittest.main()
