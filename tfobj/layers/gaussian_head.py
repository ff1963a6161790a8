"""The network that turns the pooled features of a slot into its posterior (GENESIS-V2, Section 3.2)."""

import keras

from tfobj.layers.torch_initializers import torch_defaults
from tfobj.ops.scales import posterior_moments


@keras.saving.register_keras_serializable(package="tfobj")
class GaussianHead(keras.layers.Layer):
    """LayerNorm and two dense layers, shared by all slots: mean and standard deviation of a normal distribution.

    Input: [B, K, F]. Output: tuple of mean and standard deviation > 0, both float32 or wider [B, K, latent_size].

    Args:
        latent_size: int. D.
    """

    def __init__(self, latent_size, **kwargs):
        super().__init__(**kwargs)
        self.latent_size = latent_size

    def build(self, input_shape):
        size, common = input_shape[-1], {"dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **common)
        self.dense0 = keras.layers.Dense(size, activation="relu", name="dense0", **common, **torch_defaults(size))
        self.dense1 = keras.layers.Dense(2 * self.latent_size, name="dense1", **common, **torch_defaults(size))
        for layer in (self.norm, self.dense0, self.dense1):
            layer.build(input_shape)

    def call(self, features):
        return posterior_moments(self.dense1(self.dense0(self.norm(features))))

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}
