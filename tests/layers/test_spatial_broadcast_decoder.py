"""The spatial broadcast decoder."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.spatial_broadcast_decoder import SpatialBroadcastDecoder


def slots_of(count, num_slots, size):
    """Normal slots, float32 [count, num_slots, size]."""
    return np.random.default_rng(1).normal(size=(count, num_slots, size)).astype(np.float32)


class SpatialBroadcastDecoderTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)

    def test_layer(self):
        arguments = {"image_size": (12, 8), "output_channels": 4, "channels": 5, "strides": (2, 1)}
        count = (4 * 6 + 6) + (25 * 6 * 5 + 5) + (25 * 5 * 5 + 5) + (9 * 5 * 4 + 4)
        helpers.run_layer_test(self, SpatialBroadcastDecoder, arguments, slots_of(2, 3, 6), (2, 3, 12, 8, 4), count)

    def test_published_parameter_counts(self):
        for arguments, count in (({"image_size": (128, 128), "channels": 64, "strides": (2, 2, 2, 2, 1)}, 514_948),
                                 ({"image_size": (35, 35), "channels": 32, "strides": (1, 1, 1)}, 103_972)):
            layer = SpatialBroadcastDecoder(output_channels=4, **arguments)
            layer.build((None, None, 64))
            self.assertEqual(helpers.count_parameters(layer), count)

    def test_transposed_convolution_paints_one_before_and_three_after(self):
        """Stride 2, kernel 5: cell i and tap t land on output 2i + t - 1."""
        layer = SpatialBroadcastDecoder((12, 12), 4, 1, (2,))
        layer.build((None, None, 1))
        taps = np.arange(1.0, 26.0).reshape(5, 5)
        layer.deconvolutions[0].kernel.assign(taps[:, :, None, None])
        for i, j in ((2, 3), (0, 5), (5, 0)):
            canvas = np.zeros((1, 6, 6, 1), np.float32)
            canvas[0, i, j] = 1.0
            painted = helpers.array(layer.deconvolutions[0](canvas))[0, :, :, 0]
            expected = np.zeros((18, 18))
            expected[2 * i + 2:2 * i + 7, 2 * j + 2:2 * j + 7] = taps  # the frame of 3 keeps every tap inside
            np.testing.assert_array_equal(painted, expected[3:15, 3:15])

    def test_every_slot_is_painted_alone(self):
        layer = SpatialBroadcastDecoder((8, 8), 4, 5, (2,))
        slots = slots_of(2, 3, 6)
        canvas = helpers.array(layer(slots))
        for k in range(3):
            np.testing.assert_allclose(layer(slots[:, k:k + 1])[:, 0], canvas[:, k], atol=1e-6)
        changed = slots.copy()
        changed[1, 2] += 1.0
        difference = np.abs(helpers.array(layer(changed)) - canvas).max(axis=(2, 3, 4))
        np.testing.assert_array_equal(difference > 1e-6, [[False] * 3, [False, False, True]])

    def test_canvas_without_positions_is_the_slot_everywhere(self):
        layer = SpatialBroadcastDecoder((6, 6), 4, 5, (1,))
        slots = slots_of(1, 2, 4)
        layer.build(slots.shape)
        layer.pos.dense.kernel.assign(np.zeros((4, 4)))
        canvas = helpers.array(layer.broadcast(slots))
        np.testing.assert_array_equal(canvas, np.broadcast_to(slots[0][:, None, None], (2, 6, 6, 4)))

    def test_sizes(self):
        for image_size, strides, broadcast_size, grid in (
                ((35, 35), (1, 1, 1), 0, (35, 35)), ((64, 64), (2, 2, 2), 8, (8, 8)), ((48, 64), (2, 2), 0, (12, 16)),
                ((32, 32), (2, 1, 2), 0, (8, 8))):
            layer = SpatialBroadcastDecoder(image_size, 4, 2, strides, broadcast_size)
            self.assertEqual(layer.grid_size, grid)
            self.assertEqual(tuple(layer(slots_of(1, 2, 3)).shape), (1, 2, *image_size, 4))

    def test_unreachable_image_size_is_an_error(self):
        for image_size, strides, broadcast_size, found in (
                ((35, 35), (2, 2), 0, "35x35: a 8x8 grid with strides 2,2 gives 32x32"),
                ((64, 64), (2, 2, 2, 2, 1), 8, "64x64: a 8x8 grid with strides 2,2,2,2,1 gives 128x128"),
                ((48, 64), (2, 2, 2), 8, "48x64: a 8x8 grid with strides 2,2,2 gives 64x64"),
                ((2, 2), (4,), 0, "2x2: a 0x0 grid")):
            with self.assertRaisesRegex(UserError, found) as raised:
                SpatialBroadcastDecoder(image_size, 4, 2, strides, broadcast_size)
            self.assertIn("--decoder_strides", str(raised.exception))
