"""The set encoder of Deep Set Prediction Networks: relations of pairs, pooled (Zhang et al. 2019)."""

import keras
from keras import ops

from tfobj.layers.fspool import FsPool


@keras.saving.register_keras_serializable(package="tfobj")
class RelationSetEncoder(keras.layers.Layer):
    """Looks at every ordered pair of elements and sums up what it sees; the order of the elements is irrelevant.

    Inputs: elements [B, n, C] and their presence [B, n], which says how much of an element there is. Output: [B, Z].

    Args:
        latent_size: int Z. Defaults to `512`.
        hidden_size: int. Defaults to `512`.
        num_pieces: int. See `FsPool`. Defaults to `20`.
    """

    def __init__(self, latent_size=512, hidden_size=512, num_pieces=20, **kwargs):
        super().__init__(**kwargs)
        self.latent_size, self.hidden_size, self.num_pieces = latent_size, hidden_size, num_pieces
        self.dense0 = keras.layers.Dense(hidden_size, activation="relu", name="dense0", dtype=self.dtype_policy)
        self.dense1 = keras.layers.Dense(latent_size, name="dense1", dtype=self.dtype_policy)
        self.fspool = FsPool(num_pieces, name="fspool", dtype=self.dtype_policy)

    def build(self, elements_shape, presence_shape=None):
        self.dense0.build((None, None, 2 * (elements_shape[-1] + 1)))
        self.dense1.build((None, None, self.hidden_size))
        self.fspool.build((None, None, self.latent_size))

    def call(self, elements, presence):
        rows = ops.concatenate([elements, presence[..., None]], axis=-1)  # [B,n,C+1]
        number, size = rows.shape[1:]
        first, second = (ops.repeat(ops.expand_dims(rows, axis), number, axis=axis) for axis in (2, 1))
        pairs = ops.reshape(ops.concatenate([first, second], axis=-1), (-1, number**2, 2 * size))  # [B,n*n,2C+2]
        return self.fspool(self.dense1(self.dense0(pairs)) / float(number**2))

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size, "hidden_size": self.hidden_size,
                "num_pieces": self.num_pieces}
