"""The block of which the U-Net of AST-Seg is made (Table 8)."""

import keras
from keras import ops

from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.layers.padded_transposed_convolution import PaddedTransposedConvolution
from tfobj.layers.torch_initializers import torch_kernel


@keras.saving.register_keras_serializable(package="tfobj")
class CeluConvolution(keras.layers.Layer):
    """Convolution without bias, batch normalisation, CELU.

    Input: [B, h, w, C]. Output: [B, h', w', channels]: the same size with stride 1; with stride 2 half of it, or where
    `output_size` is given, about twice.

    Args:
        channels: int.
        stride: int. 1 for a 3x3 kernel, 2 for a 4x4 kernel; both with a border of one zero. Defaults to `1`.
        output_size: Tuple (H, W) or None. With it the convolution is transposed. Defaults to `None`.
    """

    def __init__(self, channels, stride=1, output_size=None, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.stride = stride
        self.output_size = tuple(output_size) if output_size else None

        # === Layers ===
        common = {"use_bias": False, "kernel_initializer": torch_kernel(), "name": "conv", "dtype": self.dtype_policy}
        self.conv = keras.layers.Conv2D(channels, 2 + stride, stride, **common) if output_size is None else \
            PaddedTransposedConvolution(channels, 2 + stride, stride, (1, 1), output_size, **common)
        self.norm = BatchNormalization(name="norm", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build((None, None, None, self.channels))

    def call(self, inputs):
        if self.output_size is None:
            inputs = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return ops.celu(self.norm(self.conv(inputs)))

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "stride": self.stride,
                "output_size": self.output_size}
