"""Refinement of what was found at each place by what was found at the others (AST-Seg, Section 3.2)."""

import keras

from tfobj.layers.torch_initializers import torch_defaults
from tfobj.layers.transformer_encoder_layer import TransformerEncoderLayer
from tfobj.ops.dropout import fold_in


@keras.saving.register_keras_serializable(package="tfobj")
class SlotTransformer(keras.layers.Layer):
    """Embeds slots, lets them attend to one another and projects them back; what comes out replaces what came in.

    There are no positions: slots are told apart by what they hold alone.

    Input: [B, K, D], and seeds uint32 [B] of `tfobj.ops.dropout` or None. Output: [B, K, D].

    Args:
        slot_size: int. D.
        width: int. Inside the transformer. Defaults to `256`.
        num_heads: int. Defaults to `8`.
        hidden_size: int. Defaults to `512`.
        num_layers: int. Defaults to `6`.
        dropout_rate: float. Defaults to `0.1`.
    """

    def __init__(self, slot_size, width=256, num_heads=8, hidden_size=512, num_layers=6, dropout_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.slot_size = slot_size
        self.width = width
        self.num_heads = num_heads
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout_rate = dropout_rate

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.embedding = keras.layers.Dense(width, name="embedding", **common, **torch_defaults(slot_size))
        self.layers = [TransformerEncoderLayer(width, num_heads, hidden_size, dropout_rate, name=f"layer{i}", **common)
                       for i in range(num_layers)]
        self.projection = keras.layers.Dense(slot_size, name="projection", **common, **torch_defaults(width))

    def build(self, input_shape):
        self.embedding.build((None, None, self.slot_size))
        for layer in (*self.layers, self.projection):
            layer.build((None, None, self.width))

    def call(self, slots, seeds=None):
        slots = self.embedding(slots)
        for number, layer in enumerate(self.layers):
            slots = layer(slots, seeds=fold_in(seeds, number))
        return self.projection(slots)

    def get_config(self):
        return {**super().get_config(), "slot_size": self.slot_size, "width": self.width, "num_heads": self.num_heads,
                "hidden_size": self.hidden_size, "num_layers": self.num_layers, "dropout_rate": self.dropout_rate}
