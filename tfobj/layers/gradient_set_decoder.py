"""The set decoder of Deep Set Prediction Networks: gradient descent on a set (Zhang et al. 2019, Algorithm 1)."""

import keras
from keras import ops

from tfobj.layers.relation_set_encoder import RelationSetEncoder
from tfobj.ops.autodiff import value_and_gradient


@keras.saving.register_keras_serializable(package="tfobj")
class GradientSetDecoder(keras.layers.Layer):
    """Changes a learned set until its encoding is the one that is asked for.

    Every step goes down the gradient of the Huber distance (delta 1, mean over the Z numbers) of an example, so it does
    not depend on the batch. Training goes through the steps, with second derivatives.

    Input: encodings [B, Z].

    Args:
        num_elements: int n.
        num_channels: int C.
        latent_size: int Z.
        hidden_size: int. See `RelationSetEncoder`. Defaults to `512`.
        num_pieces: int. See `FsPool`. Defaults to `20`.
        num_iterations: int T. Defaults to `10`.
        learning_rate: float. Defaults to `25.0`.
    """

    def __init__(self, num_elements, num_channels, latent_size, hidden_size=512, num_pieces=20, num_iterations=10,
                 learning_rate=25.0, **kwargs):
        super().__init__(**kwargs)
        self.options = {"num_elements": num_elements, "num_channels": num_channels, "latent_size": latent_size,
                        "hidden_size": hidden_size, "num_pieces": num_pieces, "num_iterations": num_iterations,
                        "learning_rate": learning_rate}
        self.num_elements, self.num_channels = num_elements, num_channels
        self.num_iterations, self.learning_rate = num_iterations, learning_rate
        self.encoder = RelationSetEncoder(latent_size, hidden_size, num_pieces, name="encoder", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.starting_set = self.add_weight(shape=(1, self.num_elements, self.num_channels), name="starting_set",
                                            initializer=keras.initializers.RandomUniform(0.0, 1.0))
        self.starting_mask = self.add_weight(shape=(1, self.num_elements), name="starting_mask",
                                             initializer=keras.initializers.Constant(0.5))
        self.encoder.build((None, self.num_elements, self.num_channels))

    def call(self, latents, num_iterations=None):
        """Runs the steps.

        Args:
            latents: [B, Z].
            num_iterations: int or None. Overrides T.

        Returns:
            Dict of lists: `sets` [B,n,C] and `masks` [B,n] in [0,1], at the start and after every step; `distances`
            [B], from the encoding before every step.
        """
        ones = ops.ones_like(latents[:, :1])  # [B,1]
        elements = self.starting_set * ones[..., None]
        mask = ops.clip(self.starting_mask * ones, 0.0, 1.0)
        trace = {"sets": [elements], "masks": [mask], "distances": []}
        for _ in range(self.num_iterations if num_iterations is None else num_iterations):
            distance, (elements_slope, mask_slope) = value_and_gradient(
                lambda inputs: self.distance(latents, *inputs), (elements, mask))
            elements = elements - self.learning_rate * elements_slope
            mask = ops.clip(mask - self.learning_rate * mask_slope, 0.0, 1.0)
            for name, value in (("sets", elements), ("masks", mask), ("distances", distance)):
                trace[name].append(value)
        return trace

    def distance(self, latents, elements, mask):
        """Huber distance [B] of encodings [B, Z] from those of sets."""
        return keras.losses.huber(latents, self.encoder(elements, mask), delta=1.0)

    def get_config(self):
        return {**super().get_config(), **self.options}
