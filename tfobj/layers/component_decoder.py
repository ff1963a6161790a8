"""The broadcast decoder of components in GENESIS and MONet (Engelcke et al. 2021)."""

import keras

from tfobj.layers.broadcast_convolution import BroadcastConvolution
from tfobj.layers.torch_initializers import torch_defaults

_NUM_LAYERS, _KERNEL_SIZE = 4, 3


@keras.saving.register_keras_serializable(package="tfobj")
class ComponentDecoder(keras.layers.Layer):
    """Spatial broadcast decoder without padding: the grid is larger by what its convolutions take away.

    The latent is repeated over (H + 8) x (W + 8) cells, their coordinates (row, column) from -1 to 1 are appended, and
    four 3x3 convolutions and a 1x1 convolution follow.

    Input: [N, Z]. Output: [N, H, W, output_channels], linear.

    Args:
        image_size: Tuple (H, W).
        output_channels: int.
        channels: int. Width of the hidden layers.
        activation: str. E.g. `elu`.
    """

    def __init__(self, image_size, output_channels, channels, activation, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.output_channels, self.channels, self.activation = output_channels, channels, activation

        # === Layers ===
        border = (_KERNEL_SIZE - 1) * (_NUM_LAYERS - 1)
        common = {"activation": activation, "dtype": self.dtype_policy}
        self.first_size = tuple(side + border for side in self.image_size)
        self.hidden = [keras.layers.Conv2D(channels, _KERNEL_SIZE, name=f"conv{i}", **common,
                                           **torch_defaults(_KERNEL_SIZE**2 * channels))
                       for i in range(1, _NUM_LAYERS)]
        self.out = keras.layers.Conv2D(output_channels, 1, name="out", dtype=self.dtype_policy,
                                       **torch_defaults(channels))

    def build(self, input_shape):
        self.first = BroadcastConvolution(
            self.first_size, self.channels, _KERNEL_SIZE, activation=self.activation, padding="valid", name="conv0",
            dtype=self.dtype_policy, **torch_defaults(_KERNEL_SIZE**2 * (input_shape[-1] + 2)))
        self.first.build(input_shape)
        for layer in (*self.hidden, self.out):
            layer.build((None, None, None, self.channels))

    def call(self, vectors):
        maps = self.first(vectors)
        for convolution in self.hidden:
            maps = convolution(maps)
        return self.out(maps)  # [N,H,W,output_channels]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "output_channels": self.output_channels,
                "channels": self.channels, "activation": self.activation}
