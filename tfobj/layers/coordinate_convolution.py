"""A convolution that is told where it is, the block of AST-Seg's background model."""

import keras
import numpy as np
from keras import ops

from tfobj.layers.group_normalization import GroupNormalization
from tfobj.layers.padded_transposed_convolution import PaddedTransposedConvolution
from tfobj.layers.torch_initializers import torch_kernel
from tfobj.ops import coordinates

_CHANNELS_PER_GROUP = 16


@keras.saving.register_keras_serializable(package="tfobj")
class CoordinateConvolution(keras.layers.Layer):
    """Appends row and column, convolves without bias, normalises groups of 16 channels, applies CELU.

    Input: [B, h, w, C]. Output: [B, h', w', channels].

    Args:
        channels: int.
        input_size: Tuple (h, w).
        output_size: Tuple (h', w').
        kernel_size: Tuple of two ints.
        strides: Tuple of two ints.
        padding: Tuple of two ints. Zeros on either side; what is taken away there if transposed.
        transposed: bool. Defaults to `False`.
        linear: bool. Neither normalisation nor activation. Defaults to `False`.
    """

    def __init__(self, channels, input_size, output_size, kernel_size, strides, padding, transposed=False,
                 linear=False, **kwargs):
        super().__init__(**kwargs)
        self.options = {
            "channels": channels, "input_size": tuple(input_size), "output_size": tuple(output_size),
            "kernel_size": tuple(kernel_size), "strides": tuple(strides), "padding": tuple(padding),
            "transposed": transposed, "linear": linear}

        # === Layers ===
        common = {"use_bias": False, "kernel_initializer": torch_kernel(), "name": "conv", "dtype": self.dtype_policy}
        self.conv = PaddedTransposedConvolution(channels, kernel_size, strides, padding, output_size, **common) \
            if transposed else keras.layers.Conv2D(channels, kernel_size, strides, **common)
        groups = max(1, channels // _CHANNELS_PER_GROUP)
        self.norm = None if linear else GroupNormalization(groups, name="norm", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.conv.build((*input_shape[:-1], input_shape[-1] + 2))
        if self.norm is not None:
            self.norm.build((None, None, None, self.options["channels"]))

    def call(self, inputs):
        grid = ops.convert_to_tensor(self.grid(), dtype=inputs.dtype)
        grid = ops.broadcast_to(grid, (ops.shape(inputs)[0], *grid.shape[1:]))  # [B,h,w,2]
        outputs = ops.concatenate([inputs, grid], axis=-1)
        if not self.options["transposed"]:
            rows, columns = self.options["padding"]
            outputs = ops.pad(outputs, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
        outputs = self.conv(outputs)
        return outputs if self.norm is None else ops.celu(self.norm(outputs))

    def grid(self):
        """Array [1, h, w, 2] of (row, column), from -0.5 to 0.5, 1 on a side of length 1."""
        size = self.options["input_size"]
        alone = np.array([side == 1 for side in size])
        return np.where(alone, 1.0, coordinates.linear_grid(*size) / 2.0)

    def get_config(self):
        return {**super().get_config(), **self.options}
