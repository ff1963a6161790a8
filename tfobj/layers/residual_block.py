"""The basic block of residual networks (He et al. 2016)."""

import keras
from keras import ops

from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.layers.padded_convolution import PaddedConvolution


@keras.saving.register_keras_serializable(package="tfobj")
class ResidualBlock(keras.layers.Layer):
    """Two 3x3 convolutions with batch normalisation, added to the input, ReLU.

    Input: [B, h, w, C]. Output: [B, ceil(h / stride), ceil(w / stride), channels].

    Args:
        channels: int.
        stride: int. Of the first convolution. Defaults to `1`.
        project: bool. The input is added through a 1x1 convolution with batch normalisation; needed where shapes
            differ. Defaults to `False`.
    """

    def __init__(self, channels, stride=1, project=False, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.stride, self.project = channels, stride, project
        common = {"use_bias": False, "dtype": self.dtype_policy}
        self.conv0 = PaddedConvolution(channels, 3, stride, name="conv0", **common)
        self.conv1 = PaddedConvolution(channels, 3, name="conv1", **common)
        self.norm0, self.norm1 = (BatchNormalization(name=name, dtype=self.dtype_policy) for name in ("norm0", "norm1"))
        self.shortcut = PaddedConvolution(channels, 1, stride, name="shortcut", **common) if project else None
        self.shortcut_norm = BatchNormalization(name="shortcut_norm", dtype=self.dtype_policy) if project else None

    def build(self, input_shape):
        self.conv0.build(input_shape)
        inside = (None, None, None, self.channels)
        for layer in (self.conv1, self.norm0, self.norm1):
            layer.build(inside)
        if self.shortcut is not None:
            self.shortcut.build(input_shape)
            self.shortcut_norm.build(inside)

    def call(self, maps):
        change = self.norm1(self.conv1(ops.relu(self.norm0(self.conv0(maps)))))
        kept = maps if self.shortcut is None else self.shortcut_norm(self.shortcut(maps))
        return ops.relu(kept + change)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "stride": self.stride, "project": self.project}
