"""The Slot MLP baseline: slots read from the whole feature map at once (Slot Attention, Tables 9 and 10)."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.ops.resampling import resize_bilinear


@keras.saving.register_keras_serializable(package="tfobj")
class SlotMlp(keras.layers.Layer):
    """Resizes a feature map, flattens it and maps it to K slots, each of which has weights of its own.

    Input: [B, h, w, F]. Output: [B, K, D].

    Args:
        num_slots: int K.
        slot_size: int D. Defaults to `64`.
        slot_mlp_sizes: Sequence of int. Units of the dense layers before the slots. Defaults to `(512, 512)`.
        shared_mlp_size: int. Units of the two layers that all slots share behind them; 0 for none. Defaults to `0`.
        grid_size: int. Side of the resized map. Defaults to `16`.
    """

    def __init__(self, num_slots, slot_size=64, slot_mlp_sizes=(512, 512), shared_mlp_size=0, grid_size=16, **kwargs):
        super().__init__(**kwargs)

        # === Config ===
        self.num_slots, self.slot_size, self.slot_mlp_sizes = num_slots, slot_size, tuple(slot_mlp_sizes)
        self.shared_mlp_size, self.grid_size = shared_mlp_size, grid_size

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.hidden = [keras.layers.Dense(size, activation="relu", name=f"hidden{i}", **common)
                       for i, size in enumerate(self.slot_mlp_sizes)]
        self.to_slots = keras.layers.Dense(num_slots * slot_size, name="to_slots", **common)
        self.shared0 = self.shared1 = None
        if shared_mlp_size:
            self.shared0 = keras.layers.Dense(shared_mlp_size, activation="relu", name="shared0", **common)
            self.shared1 = keras.layers.Dense(slot_size, name="shared1", **common)

    def build(self, input_shape):
        size = self.grid_size**2 * input_shape[-1]
        for layer in (*self.hidden, self.to_slots):
            layer.build((None, size))
            size = layer.units
        if self.shared0 is not None:
            self.shared0.build((None, None, self.slot_size))
            self.shared1.build((None, None, self.shared_mlp_size))

    def check_num_slots(self, num_slots):
        """Raises `UserError` if K = `num_slots` is another one than that of the weights."""
        if num_slots != self.num_slots:
            raise UserError(f"num_slots={num_slots} but a Slot MLP has weights for exactly {self.num_slots} slots; "
                            f"keep --num_slots={self.num_slots}")

    def call(self, features):
        grid = resize_bilinear(features, (self.grid_size, self.grid_size))
        hidden = ops.reshape(grid, (-1, self.grid_size**2 * features.shape[-1]))  # [B,16*16*F]
        for layer in self.hidden:
            hidden = layer(hidden)
        slots = ops.reshape(self.to_slots(hidden), (-1, self.num_slots, self.slot_size))  # [B,K,D]
        return slots if self.shared0 is None else self.shared1(self.shared0(slots))

    def get_config(self):
        return {**super().get_config(), "num_slots": self.num_slots, "slot_size": self.slot_size,
                "slot_mlp_sizes": self.slot_mlp_sizes, "shared_mlp_size": self.shared_mlp_size, "grid_size": self.grid_size}
