"""The generator of glimpses."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.layers.glimpse_generator import GlimpseGenerator, glimpse_channels


def spread(maps, kernel, stride, pad):
    """PyTorch's transposed convolution by its definition: maps [B,h,w,C], kernel [kh,kw,D,C]."""
    batch, height, width, _ = maps.shape
    taps = kernel.shape[0]
    canvas = np.zeros((batch, (height - 1) * stride + taps, (width - 1) * stride + taps, kernel.shape[2]))
    for row in range(height):
        for column in range(width):
            top, left = row * stride, column * stride
            canvas[:, top:top + taps, left:left + taps] += np.einsum("bc,yxdc->byxd", maps[:, row, column], kernel)
    return canvas[:, pad:canvas.shape[1] - pad, pad:canvas.shape[2] - pad]


def normalised(maps, groups):
    grouped = maps.reshape(*maps.shape[:3], groups, -1)
    mean = grouped.mean(axis=(1, 2, 4), keepdims=True)
    return ((grouped - mean) / np.sqrt(grouped.var(axis=(1, 2, 4), keepdims=True) + 1e-5)).reshape(maps.shape)


class GlimpseGeneratorTest(unittest.TestCase):
    def test_contract(self):
        codes = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
        glimpses = GlimpseGenerator((32, 16))(codes)
        self.assertTrue(0.0 < np.min(glimpses) and np.max(glimpses) < 1.0)
        parameters = 4 * 5 * 32 + 2 * 32 + 16 * 32 * 16 + 2 * 16 + 16 * 16 * 4 + 4
        helpers.run_layer_test(self, GlimpseGenerator, {"channels": (32, 16)}, codes, (3, 8, 8, 4), parameters)

    def test_published_sizes(self):
        for size, parameters, side in (((64, 64), 51_956, 32), ((48, 64), 51_956, 32), ((128, 128), 191_476, 64)):
            layer = GlimpseGenerator(glimpse_channels(size))
            layer.build((None, 32))
            self.assertEqual((helpers.count_parameters(layer), layer.glimpse_size), (parameters, side))
        self.assertEqual(glimpse_channels((200, 320)), (256, 128, 64, 32, 16, 8))

    def test_equals_the_definition(self):
        layer = GlimpseGenerator((32, 16))
        codes = np.random.default_rng(0).normal(size=(2, 5))
        layer(codes)
        helpers.perturb(layer)
        maps = codes[:, None, None]
        for deconvolution, norm, (stride, pad) in zip(layer.deconvolutions, layer.norms, ((1, 0), (2, 1))):
            maps = spread(maps, helpers.array(deconvolution.kernel), stride, pad)
            maps = normalised(maps, norm.groups) * helpers.array(norm.gamma) + helpers.array(norm.beta)
            maps = np.where(maps > 0, maps, np.expm1(np.minimum(maps, 0)))
        maps = spread(maps, helpers.array(layer.final.kernel), 2, 1) + helpers.array(layer.final.bias)
        np.testing.assert_allclose(layer(codes), 1.0 / (1.0 + np.exp(-maps)), atol=1e-6)

    def test_initial_weights_are_those_of_pytorch(self):
        keras.utils.set_random_seed(0)
        layer = GlimpseGenerator(glimpse_channels((64, 64)))
        layer.build((None, 32))
        self.assertGreater(helpers.check_independent_weights(self, layer), 3)
        for layer in (*layer.deconvolutions, layer.final):
            limit = (layer.filters * layer.kernel_size[0]**2)**-0.5
            largest = np.abs(helpers.array(layer.kernel)).max()
            self.assertTrue(0.97 * limit < largest < 1.001 * limit, layer.name)
