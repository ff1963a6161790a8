"""Localisation and description of slots from feature maps by attention over pixels (AST-Seg, Section 3.1)."""

import keras
from keras import ops

from tfobj.ops import coordinates
from tfobj.ops.competition import softmax
from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class SoftArgmaxPooling(keras.layers.Layer):
    """Softmax over pixels of one map per slot; means of coordinates and features under it.

    Input: maps [B, h, w, K + F], attention logits of the K slots first. Output: tuple of pooled [B, K, 2 + F], the mean
    position (x, y) in [-1, 1], -1 and 1 being the centres of the outer cells, then the mean features; and attention
    [B, K, h, w], which sums to 1 over pixels. Both float32 or wider.

    Args:
        num_slots: int. K.
    """

    def __init__(self, num_slots, **kwargs):
        super().__init__(**kwargs)
        self.num_slots = num_slots

    def call(self, maps, num_slots=None):
        num_slots = num_slots or self.num_slots
        height, width, depth = maps.shape[1:]
        maps = ops.reshape(at_least_float32(maps), (-1, height * width, depth))  # [B,N,K+F]
        attention = softmax(maps[..., :num_slots], axis=1)  # [B,N,K]
        attention = ops.transpose(attention, (0, 2, 1))  # [B,K,N]
        grid = coordinates.linear_grid(height, width)[..., ::-1].reshape(height * width, 2)  # (x, y)
        places = ops.matmul(attention, ops.convert_to_tensor(grid.copy(), dtype=maps.dtype))  # [B,K,2]
        features = ops.matmul(attention, maps[..., num_slots:])  # [B,K,F]
        pooled = ops.concatenate([places, features], axis=-1)  # [B,K,2+F]
        return pooled, ops.reshape(attention, (-1, num_slots, height, width))  # [B,K,h,w]

    def get_config(self):
        return {**super().get_config(), "num_slots": self.num_slots}
