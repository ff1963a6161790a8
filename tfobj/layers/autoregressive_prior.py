"""The prior over the latents of a scene in which every slot depends on those before it (GENESIS, Section 3.1)."""

import keras
from keras import ops

from tfobj.layers.torch_initializers import torch_defaults, torch_lstm_defaults
from tfobj.ops.precision import at_least_float32
from tfobj.ops.scales import prior_moments


@keras.saving.register_keras_serializable(package="tfobj")
class AutoregressivePrior(keras.layers.Layer):
    """The first latent is standard normal; an LSTM over the latents before it gives mean and scale of every other.

    Input: latents [B, K, D]. Output: tuple of mean in [-1, 1] and standard deviation > 0, both float32 or wider
    [B, K, D], of each latent given those before it.

    Args:
        latent_size: int. D.
        units: int. Units of the LSTM.
    """

    def __init__(self, latent_size, units, **kwargs):
        super().__init__(**kwargs)
        self.latent_size = latent_size
        self.units = units

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.lstm = keras.layers.LSTMCell(units, name="lstm", **common, **torch_lstm_defaults(units))
        self.out = keras.layers.Dense(2 * latent_size, name="out", **common, **torch_defaults(units))

    def build(self, input_shape):
        self.lstm.build((None, self.latent_size))
        self.out.build((None, self.units))

    def call(self, latents):
        first = at_least_float32(latents[:, 0])
        means, scales, state = [ops.zeros_like(first)], [ops.ones_like(first)], None
        for k in range(latents.shape[1] - 1):
            mean, scale, state = self.step(latents[:, k], state)
            means.append(mean)
            scales.append(scale)
        return ops.stack(means, axis=1), ops.stack(scales, axis=1)  # [B,K,D]

    def step(self, latent, state=None, bounded=True):
        """Goes one slot on.

        Args:
            latent: [B, D]. The last latent that is known.
            state: What the previous step returned, None for the first one.
            bounded: bool. The mean is in [-1, 1]. Defaults to `True`.

        Returns:
            Tuple: mean and standard deviation [B, D] of the next latent, and the state.
        """
        latent = ops.cast(latent, self.compute_dtype)
        state = state or self.lstm.get_initial_state(ops.shape(latent)[0])
        output, state = self.lstm(latent, state)
        mean, scale = prior_moments(self.out(output))
        return ops.tanh(mean) if bounded else mean, scale, state

    def sample(self, noise, bounded=True):
        """Draws latents.

        Args:
            noise: [B, K, D], standard normal.
            bounded: bool. See `step`; False is what the released code of GENESIS does here. Defaults to `True`.

        Returns:
            Float32 or wider [B, K, D].
        """
        latents, state = [at_least_float32(noise[:, 0])], None
        for k in range(1, noise.shape[1]):
            mean, scale, state = self.step(latents[-1], state, bounded)
            latents.append(mean + scale * ops.cast(noise[:, k], mean.dtype))
        return ops.stack(latents, axis=1)

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size, "units": self.units}
