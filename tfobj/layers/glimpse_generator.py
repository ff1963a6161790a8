"""Small pictures of objects, with their masks, from appearance codes (AST-Seg, Table 7)."""

import keras
from keras import ops

from tfobj.layers.group_normalization import GroupNormalization
from tfobj.layers.torch_initializers import torch_defaults, torch_kernel
from tfobj.layers.transposed_convolution import TransposedConvolution
from tfobj.ops.precision import at_least_float32

_CHANNELS_PER_GROUP = 16
_OUTPUTS = 4  # red, green, blue, mask


def glimpse_channels(image_size):
    """Channels of the hidden layers for an image size.

    Args:
        image_size: Tuple (H, W).

    Returns:
        Tuple of ints, one for each doubling from 2x2 on; the glimpse has the side 2^(1 + their number).
    """
    side = max(image_size)
    first = 64 if side <= 64 else 128 if side <= 128 else 256
    return tuple(first // 2**i for i in range({64: 4, 128: 5, 256: 6}[first]))


@keras.saving.register_keras_serializable(package="tfobj")
class GlimpseGenerator(keras.layers.Layer):
    """Transposed convolutions from 1x1 to 2x2 and then to twice the side each, GroupNorm and CELU between them.

    Input: codes [M, Z]. Output: float32 or wider [M, g, g, 4] in (0, 1), colour and mask; g = 2^(1 + len(channels)).

    Args:
        channels: Sequence of int. Channels of the hidden layers.
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = tuple(channels)
        self.glimpse_size = 2**(1 + len(self.channels))

        # === Layers ===
        common = {"dtype": self.dtype_policy}

        def unbiased():
            return {"use_bias": False, "kernel_initializer": torch_kernel(), **common}

        first = keras.layers.Conv2DTranspose(self.channels[0], 2, name="deconv0", **unbiased())
        self.deconvolutions = [first, *(TransposedConvolution(width, 4, 2, name=f"deconv{i}", **unbiased())
                                        for i, width in enumerate(self.channels[1:], start=1))]
        self.norms = [GroupNormalization(max(1, width // _CHANNELS_PER_GROUP), name=f"norm{i}", **common)
                      for i, width in enumerate(self.channels)]
        self.final = TransposedConvolution(_OUTPUTS, 4, 2, name="final", **common,
                                           **torch_defaults(_OUTPUTS * 4 * 4))

    def build(self, input_shape):
        depth = input_shape[-1]
        for layer, norm in zip(self.deconvolutions, self.norms):
            layer.build((None, None, None, depth))
            depth = layer.filters
            norm.build((None, None, None, depth))
        self.final.build((None, None, None, depth))

    def call(self, codes):
        canvas = codes[:, None, None, :]  # [M,1,1,Z]
        for layer, norm in zip(self.deconvolutions, self.norms):
            canvas = ops.celu(norm(layer(canvas)))
        return ops.sigmoid(at_least_float32(self.final(canvas)))  # [M,g,g,4]

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}
