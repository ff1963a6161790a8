"""The density of a pixel around the mean that a slot paints, with a fixed or a trained scale."""

import math

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.ops.distributions import pixel_log_density

INITIAL_SCALE = 0.1
"""Where a trained scale starts."""

TRAINED = -1.0
"""The option `pixel_scale` that asks for a trained scale."""


def scale_of(pixel_scale, usual):
    """The scale that the option `pixel_scale` asks for: itself, `usual` for 0, None (trained) for -1.

    Raises:
        UserError: another negative number.
    """
    if pixel_scale < 0.0 and pixel_scale != TRAINED:
        raise UserError(f"--pixel_scale={pixel_scale} is negative; give a positive scale, 0 for {usual}, or -1 for a "
                        "trained one")
    return None if pixel_scale == TRAINED else pixel_scale or usual


@keras.saving.register_keras_serializable(package="tfobj")
class PixelDensity(keras.layers.Layer):
    """`tfobj.ops.distributions.pixel_log_density` with a scale of its own.

    Args:
        density: str. `normal` or `logistic`.
        scale: float > 0, or None for one that is trained, as the exponential of a weight.
    """

    def __init__(self, density, scale, **kwargs):
        super().__init__(**kwargs)
        self.density = density
        self.scale = scale

    def build(self, input_shape):
        if self.scale is None:
            start = keras.initializers.Constant(math.log(INITIAL_SCALE))
            self.log_scale = self.add_weight(shape=(), initializer=start, name="log_scale")

    def call(self, mean, image):
        """Log-density of every channel.

        Args:
            mean: float32 or wider [B,K,H,W,C].
            image: [B,H,W,C].

        Returns:
            [B,K,H,W,C].
        """
        scale = ops.exp(self.log_scale) if self.scale is None else self.scale
        return pixel_log_density(image, mean, scale, self.density)

    def get_config(self):
        return {**super().get_config(), "density": self.density, "scale": self.scale}
