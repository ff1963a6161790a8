"""Featurewise sort pooling (Zhang, Hare and Prugel-Bennett 2020)."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="tfobj")
class FsPool(keras.layers.Layer):
    """Sorts every feature over the elements and takes weighted sums: a function of a set, whatever its order.

    The weights of a feature are a piecewise linear function of the rank, so that sets of all sizes are taken. All
    elements count.

    Input: [B, n, C]. Output: [B, C].

    Args:
        num_pieces: int. Linear pieces of the weights. Defaults to `20`.
    """

    def __init__(self, num_pieces=20, **kwargs):
        super().__init__(**kwargs)
        self.num_pieces = num_pieces

    def build(self, input_shape):
        self.knots = self.add_weight(shape=(input_shape[-1], self.num_pieces + 1), name="weight",
                                     initializer=keras.initializers.RandomNormal(stddev=1.0))

    def call(self, elements):
        weights = ops.matmul(ops.convert_to_tensor(self.knots), self._shares(elements.shape[1]))  # [C,n]
        ascending = ops.sort(elements, axis=1)
        return ops.sum(ascending * ops.transpose(weights), axis=1)

    def _shares(self, number):
        """Shares of the knots in the weights of elements that ascend, [num_pieces + 1, n]; the first knot is for the
        largest."""
        places = np.linspace(self.num_pieces, 0.0, number) if number > 1 else np.zeros(1)
        shares = np.maximum(1.0 - np.abs(np.arange(self.num_pieces + 1)[:, None] - places), 0.0)
        return ops.convert_to_tensor(shares, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "num_pieces": self.num_pieces}
