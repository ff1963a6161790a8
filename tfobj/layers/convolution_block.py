"""The block of which the U-Net and the heads of GENESIS-V2 are made."""

import keras
from keras import ops

from tfobj.layers.group_normalization import GroupNormalization
from tfobj.layers.torch_initializers import torch_kernel


@keras.saving.register_keras_serializable(package="tfobj")
class ConvolutionBlock(keras.layers.Layer):
    """3x3 convolution without bias, group normalisation, ReLU.

    Input: [B, H, W, C]. Output: [B, H, W, channels].

    Args:
        channels: int.
        groups: int. Groups of the normalisation, -1 for instance normalisation. Defaults to `8`.
    """

    def __init__(self, channels, groups=8, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.groups = groups

        # === Layers ===
        self.conv = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, kernel_initializer=torch_kernel(),
                                        name="conv", dtype=self.dtype_policy)
        self.norm = GroupNormalization(groups, name="norm", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, inputs):
        return ops.relu(self.norm(self.conv(inputs)))  # [B,H,W,channels]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "groups": self.groups}
