"""The network that reads the properties of an object from its slot (Slot Attention, Section 4.2 and E.4)."""

import keras

from tfobj import properties


@keras.saving.register_keras_serializable(package="tfobj")
class PropertyHead(keras.layers.Layer):
    """A dense layer, ReLU, and a dense layer with a sigmoid for every property; the same for all slots.

    Input: [..., D]. Output: [..., 19] in (0, 1), see `tfobj.properties`.

    Args:
        hidden_size: int. Defaults to `64`.
    """

    def __init__(self, hidden_size=64, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.dense0 = keras.layers.Dense(hidden_size, activation="relu", name="dense0", dtype=self.dtype_policy)
        self.dense1 = keras.layers.Dense(properties.NUM_PROPERTIES, activation="sigmoid", name="dense1",
                                         dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dense0.build(tuple(input_shape))
        self.dense1.build((*input_shape[:-1], self.hidden_size))

    def call(self, slots):
        return self.dense1(self.dense0(slots))

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}
