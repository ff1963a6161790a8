"""Semi-convolutional pixel embeddings (GENESIS-V2, Section 3.1; Novotny et al. 2018)."""

import keras
from keras import ops

from tfobj.layers.torch_initializers import torch_defaults
from tfobj.ops import coordinates


@keras.saving.register_keras_serializable(package="tfobj")
class SemiConvolutionalEmbedding(keras.layers.Layer):
    """A gated 1x1 convolution of the features plus the coordinates of the pixel, in the last two dimensions.

    The gate starts at 0, so that at first a pixel's embedding is where it is.

    Input: [B, H, W, C]. Output: [B, H, W, size]; without the convolution the last two are (row, column) in [-1, 1].

    Args:
        size: int, 2 or more. Defaults to `8`.
        semi_convolutional: bool. False: the convolution alone, without gate and coordinates. Defaults to `True`.
    """

    def __init__(self, size=8, semi_convolutional=True, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.semi_convolutional = semi_convolutional

    def build(self, input_shape):
        self.conv = keras.layers.Conv2D(self.size, 1, name="conv", dtype=self.dtype_policy,
                                        **torch_defaults(input_shape[-1]))
        self.conv.build(input_shape)
        if self.semi_convolutional:
            self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")

    def call(self, features):
        embeddings = self.conv(features)  # [B,H,W,size]
        if not self.semi_convolutional:
            return embeddings
        grid = ops.convert_to_tensor(coordinates.linear_grid(*features.shape[1:3]), dtype=self.compute_dtype)
        grid = ops.pad(grid, ((0, 0), (0, 0), (0, 0), (self.size - 2, 0)))  # [1,H,W,size]
        return self.gate * embeddings + grid

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "semi_convolutional": self.semi_convolutional}
