"""The encoder of masked components in GENESIS and MONet (Engelcke et al. 2021)."""

import math

import keras
from keras import ops

from tfobj.layers.padded_convolution import PaddedConvolution
from tfobj.layers.torch_initializers import torch_bias, torch_kernel

_NUM_LAYERS = 4


@keras.saving.register_keras_serializable(package="tfobj")
class ComponentEncoder(keras.layers.Layer):
    """Four 3x3 convolutions with stride 2, the last two twice as wide, and two dense layers.

    Input: [N, H, W, C]. Output: [N, output_size], linear.

    Args:
        channels: int. Of the first convolution.
        units: int. Of the hidden dense layer; it has at least `output_size`.
        output_size: int.
        activation: str. E.g. `elu`.
    """

    def __init__(self, channels, units, output_size, activation, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.units, self.output_size, self.activation = channels, units, output_size, activation

    def build(self, input_shape):
        widths = [self.channels * (1 if i < _NUM_LAYERS // 2 else 2) for i in range(_NUM_LAYERS)]
        hidden, shape = max(self.units, self.output_size), tuple(input_shape)
        self.convolutions = []
        for i, width in enumerate(widths):
            self.convolutions.append(PaddedConvolution(
                width, 3, 2, activation=self.activation, name=f"conv{i}", **self._common(9 * shape[-1])))
            self.convolutions[-1].build(shape)
            shape = self.convolutions[-1].compute_output_shape(shape)
        self.flat_size = math.prod(shape[1:])
        self.dense0 = keras.layers.Dense(hidden, activation=self.activation, name="dense0",
                                         **self._common(self.flat_size))
        self.dense1 = keras.layers.Dense(self.output_size, name="dense1", **self._common(hidden))
        self.dense0.build((None, self.flat_size))
        self.dense1.build((None, hidden))

    def _common(self, fan_in):
        return {"kernel_initializer": torch_kernel(), "bias_initializer": torch_bias(fan_in),
                "dtype": self.dtype_policy}

    def call(self, maps):
        for convolution in self.convolutions:
            maps = convolution(maps)
        return self.dense1(self.dense0(ops.reshape(maps, (-1, self.flat_size))))  # [N,output_size]

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "units": self.units,
                "output_size": self.output_size, "activation": self.activation}
