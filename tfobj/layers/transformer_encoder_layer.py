"""One layer of a transformer encoder (Vaswani et al. 2017): attention between slots, then a network for each."""

import keras
from keras import ops

from tfobj.layers.torch_initializers import torch_defaults, torch_kernel
from tfobj.ops.competition import softmax
from tfobj.ops.dropout import dropout, fold_in
from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class TransformerEncoderLayer(keras.layers.Layer):
    """Self-attention and a two-layer network, each added to its input and normalised behind (post-norm, ReLU).

    Input: [B, K, D], and seeds uint32 [B] of `tfobj.ops.dropout` or None. Output: [B, K, D].

    Args:
        size: int. D, a multiple of the heads.
        num_heads: int.
        hidden_size: int. Hidden units of the network.
        dropout_rate: float. Of attention, of both branches and of the hidden units. Defaults to `0.1`.
    """

    def __init__(self, size, num_heads, hidden_size, dropout_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.num_heads = num_heads
        self.hidden_size = hidden_size
        self.dropout_rate = dropout_rate

        # === Layers ===
        def dense(units, name, **initializers):
            return keras.layers.Dense(units, name=name, dtype=self.dtype_policy, **initializers)

        # One matrix for query, key and value, so that the initializer sees the fan of PyTorch's.
        self.qkv = dense(3 * size, "qkv", kernel_initializer="glorot_uniform")
        self.out = dense(size, "out", kernel_initializer=torch_kernel())
        self.hidden = dense(hidden_size, "hidden", activation="relu", **torch_defaults(size))
        self.final = dense(size, "final", **torch_defaults(hidden_size))
        self.norm0, self.norm1 = (keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm{i}",
                                                                  dtype=self.dtype_policy) for i in range(2))

    def build(self, input_shape):
        for layer in (self.qkv, self.out, self.hidden, self.norm0, self.norm1):
            layer.build((None, None, self.size))
        self.final.build((None, None, self.hidden_size))

    def call(self, slots, seeds=None):
        attended = self.out(self.attend(slots, fold_in(seeds, 0)))
        slots = self.norm0(slots + dropout(attended, self.dropout_rate, fold_in(seeds, 1)))
        hidden = dropout(self.hidden(slots), self.dropout_rate, fold_in(seeds, 2))
        return self.norm1(slots + dropout(self.final(hidden), self.dropout_rate, fold_in(seeds, 3)))

    def attend(self, slots, seeds=None):
        """Multi-head attention without its output projection, [B, K, D]."""
        num_slots, width = slots.shape[1], self.size // self.num_heads
        heads = ops.reshape(self.qkv(slots), (-1, num_slots, 3, self.num_heads, width))  # [B,K,3,H,d]
        query, key, value = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)), 3, axis=0)  # [B,H,K,d]
        logits = at_least_float32(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))))  # [B,H,K,K]
        weights = dropout(softmax(logits * width**-0.5, axis=-1), self.dropout_rate, seeds)
        attended = ops.matmul(ops.cast(weights, value.dtype), value)  # [B,H,K,d]
        return ops.reshape(ops.transpose(attended, (0, 2, 1, 3)), (-1, num_slots, self.size))  # [B,K,D]

    def get_config(self):
        return {**super().get_config(), "size": self.size, "num_heads": self.num_heads,
                "hidden_size": self.hidden_size, "dropout_rate": self.dropout_rate}
