"""Convolution with a border of zeros that is equally wide on all sides, as in PyTorch."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfobj")
class PaddedConvolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with a border of (kernel - 1) / 2 zeros; with strides Keras' "same" is not symmetric.

    Input: [B, h, w, C]. Output: [B, ceil(h / stride), ceil(w / stride), filters].

    Args:
        filters: int.
        kernel_size: int, odd.
        strides: int.
        **kwargs: As of `keras.layers.Conv2D`, without `padding`.
    """

    def __init__(self, filters, kernel_size, strides=1, **kwargs):
        super().__init__(filters, kernel_size, strides, padding="valid", data_format="channels_last", **kwargs)

    def call(self, maps):
        border = [((size - 1) // 2,) * 2 for size in self.kernel_size]
        return super().call(ops.pad(maps, ((0, 0), *border, (0, 0))))

    def compute_output_shape(self, input_shape):
        sides = (side and -(-side // stride) for side, stride in zip(input_shape[1:3], self.strides))
        return (input_shape[0], *sides, self.filters)

    def get_config(self):
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in ("padding", "data_format")}
