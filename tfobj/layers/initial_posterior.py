"""Where iterative inference starts (IODINE, Section 2.2)."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfobj")
class InitialPosterior(keras.layers.Layer):
    """Trained parameters of a latent distribution, the same for all slots and images.

    Initialised uniformly in +-sqrt(3 / (2 Z)), Glorot's rule for a vector, as in IODINE's code.

    Input: anything [B, K, ...], such as the noise of the slots. Output: [B, K, 2 Z], mean and raw variance.

    Args:
        latent_size: int. Z.
    """

    def __init__(self, latent_size, **kwargs):
        super().__init__(**kwargs)
        self.latent_size = latent_size

    def build(self, input_shape):
        limit = math.sqrt(3.0 / (2 * self.latent_size))
        self.parameters = self.add_weight(shape=(2 * self.latent_size,), name="parameters",
                                          initializer=keras.initializers.RandomUniform(-limit, limit))

    def call(self, slots):
        return ops.broadcast_to(self.parameters, (*ops.shape(slots)[:2], 2 * self.latent_size))

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}
