"""The U-Net of GENESIS-V2 and MONet."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.unet import UNet

# Side -> widths of the blocks down and up over that of the finest level, and sides of the grids (the sheet's tables).
TABLES = {32: ((1, 2, 2, 2), (2, 2, 1, 1), (32, 16, 8, 4)),
          64: ((1, 1, 2, 2, 2), (2, 2, 1, 1, 1), (64, 32, 16, 8, 4)),
          96: ((1, 1, 2, 2, 2), (2, 2, 1, 1, 1), (96, 48, 24, 12, 6)),
          128: ((1, 1, 1, 2, 2, 2), (2, 2, 1, 1, 1, 1), (128, 64, 32, 16, 8, 4))}


class UNetTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)

    def test_layer(self):
        image = helpers.unit_images(2, (16, 16, 3))
        blocks = 9 * (3 * 16 + 16 * 16 + 16 * 16) + 2 * 3 * 16 + 9 * (32 * 16 + 32 * 16 + 32 * 8) + 2 * (16 + 16 + 8)
        dense = 256 * 128 + 128 + 128 * 128 + 128 + 128 * 256 + 256
        helpers.run_layer_test(self, UNet, {"image_size": (16, 16), "channels": 8}, image, (2, 16, 16, 8),
                               blocks + dense)
        final = {"image_size": (16, 16), "channels": 8, "groups": -1, "output_channels": 1}
        helpers.run_layer_test(self, UNet, final, image, (2, 16, 16, 1), blocks + dense + 9)

    def test_levels_follow_the_tables(self):
        for side, (down, up, sides) in TABLES.items():
            layer = UNet((side, side), 8)
            stages = layer.stages(keras.ops.zeros((1, side, side, 3)))
            self.assertEqual([tuple(stage.shape[1:]) for stage in stages["down"]],
                             [(size, size, 8 * width) for size, width in zip(sides, down, strict=True)])
            self.assertEqual([tuple(stage.shape[1:]) for stage in stages["up"]],
                             [(size, size, 8 * width) for size, width in zip(reversed(sides), up, strict=True)])
            self.assertEqual(tuple(stages["mlp"].shape), (1, sides[-1], sides[-1], 16))

    def test_published_parameter_counts(self):
        for side, channels, groups, final, count in ((64, 64, 8, 0, 1_836_864), (128, 64, 8, 0, 1_947_712),
                                                     (64, 32, -1, 1, None)):
            layer = UNet((side, side), channels, groups, final)
            layer.build((None, side, side, 3 + (final or 0)))
            # MONet's attention network (genesis_monet.md, 3.5).
            self.assertEqual(helpers.count_parameters(layer), count or 604_513)

    def test_images_that_cannot_be_halved_are_refused(self):
        for size in ((64, 32), (8, 8), (40, 40), (144, 144)):
            with self.assertRaisesRegex(UserError, f"they are {size[0]}x{size[1]}"):
                UNet(size, 8)

    def test_finest_skip_and_bottom_both_reach_the_output(self):
        """A pixel changes everything through the dense network and its neighbourhood most."""
        layer = UNet((32, 32), 8)
        image = helpers.unit_images(1, (32, 32, 3))
        layer.build(image.shape)
        helpers.perturb(layer)
        changed = image.copy()
        changed[0, 3, 4] += 1.0
        difference = np.abs(layer(image) - layer(changed)).max(axis=-1)[0]
        self.assertGreater((difference > 0.0).mean(), 0.95)  # ReLU hides some
        self.assertGreater(difference[:8, :8].mean(), 2 * difference[16:, 16:].mean())


if __name__ == "__main__":
    unittest.main()
