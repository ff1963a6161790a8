"""The U-Net that is an alternative feature generator of AST-Seg (Table 8)."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.celu_convolution import CeluConvolution
from tfobj.layers.torch_initializers import torch_kernel

_WIDTHS, _LARGE_WIDTHS = (80, 128, 192, 256, 256, 256), (48, 64, 96, 128, 128, 256, 256)
_LARGE = 200


def unet_widths(image_size):
    """Published channels of the stem and of each level for an image size (H, W), a tuple of ints."""
    return _LARGE_WIDTHS if max(image_size) >= _LARGE else _WIDTHS


@keras.saving.register_keras_serializable(package="tfobj")
class CeluUNet(keras.layers.Layer):
    """Strided convolutions down, transposed ones up, with skips at every level and residual blocks at each.

    Input: images [B, H, W, C], and seeds, which are of no influence. Output: [B, H, W, num_maps], full resolution.

    Args:
        image_size: Tuple (H, W).
        num_maps: int.
        widths: Sequence of int. Channels of the stem, then of each level.

    Raises:
        UserError: the image cannot be halved so often.
    """

    def __init__(self, image_size, num_maps, widths, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.num_maps = num_maps
        self.widths = tuple(widths)
        sizes = [self.image_size]
        for _ in self.widths[1:]:
            sizes.append(tuple((side - 2) // 2 + 1 for side in sizes[-1]))
        if min(sizes[-1]) < 1:
            raise UserError(f"images of {self.image_size[0]}x{self.image_size[1]} pixels cannot be halved "
                            f"{len(self.widths) - 1} times; use --feature_generator=segformer or a larger --image_size")

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        levels = range(1, len(self.widths))
        self.stem = CeluConvolution(self.widths[0], name="stem", **common)
        self.down = [(CeluConvolution(self.widths[i], 2, name=f"down{i}", **common),
                      CeluConvolution(self.widths[i], name=f"down_residual{i}", **common)) for i in levels]
        self.centre = CeluConvolution(self.widths[-1], name="centre", **common)
        self.up = [(CeluConvolution(2 * self.widths[i], name=f"up_residual{i}", **common),
                    CeluConvolution(self.widths[i - 1], 2, sizes[i - 1], name=f"up{i}", **common)) for i in levels]
        self.join = CeluConvolution(num_maps, name="join", **common)
        self.residual, self.out = (
            keras.layers.Conv2D(num_maps, size, padding="same", use_bias=False, kernel_initializer=torch_kernel(),
                                name=name, **common) for name, size in (("residual", 3), ("out", 1)))

    def build(self, input_shape):
        def build(layer, depth):
            layer.build((None, None, None, depth))

        build(self.stem, input_shape[-1])
        for i, ((down, down_residual), (up_residual, up)) in enumerate(zip(self.down, self.up), start=1):
            build(down, self.widths[i - 1])
            build(down_residual, self.widths[i])
            build(up_residual, 2 * self.widths[i])
            build(up, 2 * self.widths[i])
        build(self.centre, self.widths[-1])
        build(self.join, 2 * self.widths[0])
        build(self.residual, self.num_maps)
        build(self.out, self.num_maps)

    def call(self, image, seeds=None):
        del seeds
        maps = self.stem(image)
        skips = [maps]
        for convolution, residual in self.down:
            maps = convolution(maps)
            maps = residual(maps) + maps
            skips.append(maps)
        maps = self.centre(maps)
        for residual, convolution in reversed(self.up):
            maps = ops.concatenate([maps, skips.pop()], axis=-1)
            maps = convolution(residual(maps) + maps)
        maps = self.join(ops.concatenate([maps, skips.pop()], axis=-1))
        return self.out(self.residual(maps) + maps)  # [B,H,W,num_maps]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "num_maps": self.num_maps,
                "widths": self.widths}
