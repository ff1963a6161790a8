"""The U-Net of AST-Seg."""

import unittest

import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.celu_unet import CeluUNet, unet_widths


class CeluUNetTest(unittest.TestCase):
    def test_contract(self):
        convolutions = [(3, 3, 4), (4, 4, 6), (3, 6, 6), (4, 6, 5), (3, 5, 5), (3, 5, 5), (3, 12, 12), (4, 12, 4),
                        (3, 10, 10), (4, 10, 6), (3, 8, 2)]  # (kernel, input channels, output channels)
        parameters = sum(side**2 * before * behind + 2 * behind for side, before, behind in convolutions)
        arguments = {"image_size": (8, 12), "num_maps": 2, "widths": (4, 6, 5)}
        helpers.run_layer_test(self, CeluUNet, arguments, helpers.unit_images(2, (8, 12, 3)), (2, 8, 12, 2),
                               parameters + 9 * 2 * 2 + 2 * 2)

    def test_published_size(self):
        layer = CeluUNet((64, 64), 45, unet_widths((64, 64)))
        layer.build((None, 64, 64, 3))
        self.assertEqual(helpers.count_parameters(layer), 22_253_764)
        self.assertEqual(len(unet_widths((200, 320))), 7)

    def test_odd_sides_come_back(self):
        self.assertEqual(CeluUNet((9, 14), 2, (4, 6, 5))(np.zeros((1, 9, 14, 3), np.float32)).shape, (1, 9, 14, 2))

    def test_small_images_are_refused(self):
        with self.assertRaisesRegex(UserError, "16x16 pixels cannot be halved 5 times"):
            CeluUNet((16, 16), 2, unet_widths((16, 16)))
