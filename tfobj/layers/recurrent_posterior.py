"""The posterior over the latents of a scene in which every slot depends on those before it (GENESIS, Section 3.2)."""

import keras
from keras import ops

from tfobj.layers.torch_initializers import torch_defaults, torch_lstm_defaults
from tfobj.ops.precision import at_least_float32
from tfobj.ops.scales import posterior_moments, posterior_scale


@keras.saving.register_keras_serializable(package="tfobj")
class RecurrentPosterior(keras.layers.Layer):
    """Two dense layers give the first latent; an LSTM that sees the image and the last latent gives every other.

    Inputs: features of the image [B, F], noise [B, K, D], standard normal. Output: tuple of latents, means and standard
    deviations > 0, all float32 or wider [B, K, D].

    Args:
        latent_size: int. D; the LSTM has 2 D units.
    """

    def __init__(self, latent_size, **kwargs):
        super().__init__(autocast=False, **kwargs)  # noise keeps all its digits under every policy
        self.latent_size, self.units = latent_size, 2 * latent_size
        self.lstm = keras.layers.LSTMCell(self.units, name="lstm", dtype=self.dtype_policy,
                                          **torch_lstm_defaults(self.units))
        self.out = keras.layers.Dense(2 * latent_size, name="out", dtype=self.dtype_policy,
                                      **torch_defaults(self.units))

    def build(self, features_shape, noise_shape=None):
        size = features_shape[-1]
        self.mean, self.scale = (keras.layers.Dense(self.latent_size, name=name, dtype=self.dtype_policy,
                                                    **torch_defaults(size)) for name in ("mean", "scale"))
        for layer in (self.mean, self.scale):
            layer.build((None, size))
        self.lstm.build((None, size + self.latent_size))
        self.out.build((None, self.units))

    def call(self, features, noise):
        state = self.lstm.get_initial_state(ops.shape(features)[0])
        mean, std = at_least_float32(self.mean(features)), posterior_scale(self.scale(features))
        latents, means, stds = [], [], []
        for k in range(noise.shape[1]):
            if k:
                last = ops.cast(latents[-1], features.dtype)
                output, state = self.lstm(ops.concatenate([features, last], axis=-1), state)
                mean, std = posterior_moments(self.out(output))
            latents.append(mean + std * ops.cast(noise[:, k], mean.dtype))
            means.append(mean)
            stds.append(std)
        return tuple(ops.stack(trace, axis=1) for trace in (latents, means, stds))  # [B,K,D]

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}
