"""The layers of GENESIS and MONet-G: gated convolutions, posterior, priors, autoencoder of components, attention."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.component_decoder import ComponentDecoder
from tfobj.layers.component_encoder import ComponentEncoder
from tfobj.layers.component_prior import ComponentPrior
from tfobj.layers.gated_convolution import GatedConvolution
from tfobj.layers.gated_decoder import GatedDecoder
from tfobj.layers.gated_encoder import GatedEncoder
from tfobj.layers.gated_stack import gated_geometry
from tfobj.layers.pixel_expansion import PixelExpansion
from tfobj.layers.recurrent_attention import RecurrentAttention
from tfobj.layers.recurrent_posterior import RecurrentPosterior


def normal(*shape):
    """Normal numbers, float32."""
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def built(layer, *shape):
    """The layer, built for an input of that shape."""
    layer.build(shape)
    return layer


class GatedConvolutionTest(unittest.TestCase):
    def test_layer(self):
        maps, pixel = normal(2, 4, 6, 3), normal(2, 1, 1, 3)
        for geometry, inputs, kernel, strides, shape in (
                ("padded", maps, 5, 2, (2, 2, 3, 4)), ("whole", maps, (4, 6), 1, (2, 1, 1, 4)),
                ("expansion", pixel, (4, 6), 1, (2, 4, 6, 4)), ("transposed", maps, 5, 2, (2, 8, 12, 4))):
            taps = 25 if kernel == 5 else 24
            arguments = {"channels": 4, "kernel_size": kernel, "strides": strides, "geometry": geometry}
            helpers.run_layer_test(self, GatedConvolution, {**arguments, "normalization": "none"}, inputs, shape,
                                   taps * 3 * 8 + 8)
            if geometry == "padded":
                helpers.run_layer_test(self, GatedConvolution, arguments, inputs, shape, taps * 3 * 8 + 3 * 8)
                helpers.run_layer_test(self, GatedConvolution, {**arguments, "normalization": "in"}, inputs, shape,
                                       taps * 3 * 8 + 3 * 8, inert=("conv/bias",))

    def test_expansion_is_a_transposed_convolution_of_a_pixel(self):
        expansion, convolution = PixelExpansion(3, (4, 5)), keras.layers.Conv2DTranspose(3, (4, 5))
        pixels = normal(2, 1, 1, 6)
        expected = helpers.array(convolution(pixels))
        expansion.build(pixels.shape)
        helpers.copy_weights(convolution, expansion)
        np.testing.assert_allclose(expansion(pixels), expected, atol=1e-6)
        expansion.mirrored = True
        np.testing.assert_allclose(expansion(pixels), expected[:, ::-1, ::-1], atol=1e-6)

    def test_batch_normalisation_of_training_standardises_features_and_gates(self):
        layer = GatedConvolution(4, 5)
        maps = normal(3, 8, 8, 2)
        outputs = helpers.array(layer(maps, training=True))
        convolved = helpers.array(layer.conv(maps))
        standard = (convolved - convolved.mean(axis=(0, 1, 2))) / np.sqrt(convolved.var(axis=(0, 1, 2)) + 1e-5)
        np.testing.assert_allclose(outputs, standard[..., :4] / (1.0 + np.exp(-standard[..., 4:])), atol=1e-5)

    def test_unknown_normalisations_are_refused(self):
        with self.assertRaisesRegex(UserError, "choose one of: bn, in, none"):
            GatedConvolution(4, 5, normalization="layer")


class GatedNetworksTest(unittest.TestCase):
    def test_strides_follow_the_tables(self):
        for side, strides, kernel in ((32, (1, 2, 1, 2, 1), 8), (64, (1, 2, 1, 2, 1), 16), (128, (2, 2, 2, 1, 1), 16),
                                      (256, (2, 2, 2, 2, 1), 16)):
            self.assertEqual(gated_geometry((side, side)), (strides, (kernel, kernel)))
        for size in ((30, 32), (128, 100), (512, 512)):
            with self.assertRaisesRegex(UserError, f"they are {size[0]}x{size[1]}"):
                gated_geometry(size)

    def test_another_number_of_filters_is_refused(self):
        with self.assertRaisesRegex(UserError, "--encoder_filters=8,8: expected 5 numbers, .*, found 2"):
            GatedEncoder((32, 32), (8, 8), 4)
        with self.assertRaisesRegex(UserError, "--decoder_filters=8,8: expected 6 numbers, .*, found 2"):
            GatedDecoder((32, 32), (8, 8), 4)

    def test_published_parameter_counts(self):
        for side in (64, 128):
            encoder = built(GatedEncoder((side, side), (32, 32, 64, 64, 64), 256), None, side, side, 3)
            self.assertEqual(helpers.count_parameters(encoder), 8_958_656)
            decoder = built(GatedDecoder((side, side), (64, 64, 32, 32, 32, 32), 1), None, 64)
            self.assertEqual(helpers.count_parameters(decoder), 2_559_232 + 33)
            if side == 64:
                moving = [*encoder.non_trainable_variables, *decoder.non_trainable_variables]
                self.assertEqual(sum(int(np.prod(variable.shape)) for variable in moving), 1_792)

    def test_decoder_mirrors_the_encoder(self):
        for size in ((16, 8), (72, 80)):
            encoder, decoder = GatedEncoder(size, (2,) * 5, 3), GatedDecoder(size, (2,) * 6, 4, "none")
            code = encoder(normal(2, *size, 3))
            self.assertEqual(tuple(code.shape), (2, 3))
            self.assertEqual(tuple(decoder(code).shape), (2, *size, 4))

    def test_decoder_grows_where_the_encoder_shrank(self):
        """At 128 pixels the strides are no palindrome: the decoder's last ones are the encoder's first."""
        maps, sides = normal(1, 1, 1, 3), []
        for convolution in GatedDecoder((128, 128), (2,) * 6, 4, "none").convolutions:
            maps = convolution(maps)
            sides.append(maps.shape[1])
        self.assertEqual(sides, [16, 16, 16, 32, 64, 128])


class RecurrentPosteriorTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.layer = RecurrentPosterior(4, name="posterior")
        self.features, self.noise = normal(2, 6), normal(2, 3, 4)

    def test_layer(self):
        count = 2 * (6 * 4 + 4) + (6 + 4) * 32 + 8 * 32 + 32 + 8 * 8 + 8
        helpers.run_layer_test(self, RecurrentPosterior, {"latent_size": 4}, self.features, (2, 3, 4), count,
                               {"noise": self.noise}, pick=lambda outputs: outputs[0])

    def test_a_slot_depends_on_those_before_it_alone(self):
        latents, mean, std = map(helpers.array, self.layer(self.features, self.noise))
        np.testing.assert_allclose(latents, mean + std * self.noise, atol=1e-6)
        for k in range(3):
            changed = self.noise.copy()
            changed[:, k] += 1.0
            other = helpers.array(self.layer(self.features, changed)[1])
            np.testing.assert_array_equal(other[:, :k + 1], mean[:, :k + 1])
            if k < 2:
                self.assertGreater(np.abs(other[:, k + 1:] - mean[:, k + 1:]).max(axis=(0, 2)).min(), 1e-5)

    def test_published_parameter_counts(self):
        layer = built(RecurrentPosterior(64), None, 256)
        self.assertEqual(helpers.count_parameters(layer), 2 * 16_448 + 229_888 + 16_512)
        self.assertEqual(helpers.count_parameters(built(ComponentPrior(16, 256), None, 7, 64)), 90_656)


class ComponentsTest(unittest.TestCase):
    def test_layers(self):
        keras.utils.set_random_seed(0)
        helpers.run_layer_test(
            self, ComponentEncoder, {"channels": 3, "units": 7, "output_size": 4, "activation": "elu"},
            normal(2, 16, 9, 4), (2, 4), 9 * (4 * 3 + 3 * 3 + 3 * 6 + 6 * 6) + 18 + 6 * 7 + 7 + 7 * 4 + 4)
        helpers.run_layer_test(
            self, ComponentDecoder, {"image_size": (5, 6), "output_channels": 3, "channels": 4, "activation": "elu"},
            normal(2, 7), (2, 5, 6, 3), 9 * (9 * 4 + 3 * 4 * 4) + 16 + 4 * 3 + 3)
        for pick in (0, 1):
            helpers.run_layer_test(self, ComponentPrior, {"latent_size": 3, "units": 5}, normal(2, 4, 6), (2, 4, 3),
                                   6 * 5 + 5 + 5 * 5 + 5 + 5 * 6 + 6, pick=lambda outputs, pick=pick: outputs[pick])

    def test_published_parameter_counts(self):
        for side, activation, outputs, count in ((64, "elu", 3, 369_539), (128, "elu", 3, 1_155_971),
                                                 (64, "relu", 4, 369_572), (128, "relu", 4, 1_156_004)):
            encoder = built(ComponentEncoder(32, 256, 32, activation), None, side, side, 4)
            decoder = built(ComponentDecoder((side, side), outputs, 32, activation), None, 16)
            self.assertEqual(sum(map(helpers.count_parameters, (encoder, decoder))), count)


class RecurrentAttentionTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)
        self.image = helpers.unit_images(2, (16, 16, 3))

    def test_layer(self):
        count = helpers.count_parameters(built(RecurrentAttention((16, 16), 2), None, 16, 16, 3))
        arguments = {"image_size": (16, 16), "channels": 2}
        helpers.run_layer_test(self, RecurrentAttention, arguments, self.image, (2, 3, 16, 16), count,
                               {"num_slots": 3}, pick=lambda outputs: keras.ops.exp(outputs[0]))

    def test_masks_are_taken_from_what_is_left(self):
        layer = RecurrentAttention((16, 16), 2)
        few, many = (layer(self.image, num_slots=count) for count in (3, 5))
        for masks, _ in (few, many):
            np.testing.assert_allclose(np.exp(masks).sum(axis=1), 1.0, atol=1e-5)
        np.testing.assert_allclose(few[0][:, :2], many[0][:, :2], atol=1e-5)
        np.testing.assert_allclose(few[0][:, 2], many[1][:, 2], atol=1e-5)
        alone, _ = layer(self.image, num_slots=1)
        np.testing.assert_array_equal(alone, np.zeros((2, 1, 16, 16)))


if __name__ == "__main__":
    unittest.main()
