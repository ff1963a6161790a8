"""Soft position embedding (Slot Attention, Section E.2)."""

import keras
from keras import ops

from tfobj.ops import coordinates


@keras.saving.register_keras_serializable(package="tfobj")
class SoftPositionEmbedding(keras.layers.Layer):
    """Adds a learned linear map of the distances to the four borders to a feature map.

    Input and output: [..., H, W, C] of the same shape. The grid follows the size of the map, or is given by `size`
    where the map is [..., 1, 1, C] and shall be broadcast.
    """

    def build(self, input_shape):
        self.dense = keras.layers.Dense(input_shape[-1], name="dense", dtype=self.dtype_policy)
        self.dense.build((1, None, None, 4))

    def call(self, features, size=None):
        height, width = features.shape[-3:-1] if size is None else size
        grid = ops.convert_to_tensor(coordinates.position_grid(height, width), dtype=self.compute_dtype)
        return features + self.dense(grid)  # [...,H,W,C] + [1,H,W,C]

    def compute_output_shape(self, input_shape, size=None):
        return tuple(input_shape) if size is None else (*input_shape[:-3], *size, input_shape[-1])
