"""The truncated normal initialisation of Sonnet 1, with which IODINE was trained."""

import math

import keras


@keras.saving.register_keras_serializable(package="tfobj")
class FanInTruncatedNormal(keras.initializers.TruncatedNormal):
    """Normal values of standard deviation 1 / sqrt(fan in), drawn again beyond two standard deviations.

    Keras' own `LecunNormal` and `VarianceScaling` widen the normal to make up for what the truncation takes away; this
    one does not, so that the values have a standard deviation of 0.88 / sqrt(fan in).

    Args:
        fan_in: int or None, for the product of all axes but the last.
        seed: int or None.
    """

    def __init__(self, fan_in=None, seed=None):
        super().__init__(seed=seed)
        self.fan_in = fan_in

    def __call__(self, shape, dtype=None):
        fan_in = self.fan_in or math.prod(shape[:-1])
        return keras.random.truncated_normal(shape, stddev=fan_in**-0.5, dtype=dtype, seed=self.seed)

    def get_config(self):
        return {"fan_in": self.fan_in, "seed": super().get_config()["seed"]}
