"""The prior over what a slot looks like, given its mask (GENESIS, Section 3.1)."""

import keras
from keras import ops

from tfobj.layers.torch_initializers import torch_defaults
from tfobj.ops.scales import prior_moments


@keras.saving.register_keras_serializable(package="tfobj")
class ComponentPrior(keras.layers.Layer):
    """Three dense layers, shared by all slots.

    Input: latents of the masks [B, K, M]. Output: tuple of mean in [-1, 1] and standard deviation > 0, both float32 or
    wider [B, K, D].

    Args:
        latent_size: int. D.
        units: int. Of the hidden layers.
    """

    def __init__(self, latent_size, units, **kwargs):
        super().__init__(**kwargs)
        self.latent_size, self.units = latent_size, units

    def build(self, input_shape):
        sizes = (input_shape[-1], self.units, self.units, 2 * self.latent_size)
        self.dense = [keras.layers.Dense(units, activation="elu" if i < 2 else None, name=f"dense{i}",
                                          dtype=self.dtype_policy, **torch_defaults(size))
                       for i, (size, units) in enumerate(zip(sizes, sizes[1:]))]
        for layer, size in zip(self.dense, sizes):
            layer.build((*input_shape[:-1], size))

    def call(self, latents):
        for layer in self.dense:
            latents = layer(latents)
        mean, std = prior_moments(latents)
        return ops.tanh(mean), std

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size, "units": self.units}
