"""The weight of a term of the loss that rises to its final value, or is constant."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfobj")
class BetaWarmup(keras.layers.Layer):
    """beta = final * min(step / num_steps, 1)^power, the interface of `Geco`.

    Args:
        final: float.
        num_steps: int. Steps until `final`; 0 for a constant. Defaults to `0`.
        power: float. Defaults to `1`.
    """

    def __init__(self, final, num_steps=0, power=1.0, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.final = final
        self.num_steps = num_steps
        self.power = power
        state = {"shape": (), "trainable": False, "dtype": "float32", "aggregation": "only_first_replica"}
        start = 0.0 if num_steps else final
        self.beta = self.add_weight(initializer=keras.initializers.Constant(start), name="beta", **state)
        self.step = self.add_weight(initializer="zeros", name="step", **state)
        self.built = True

    def update(self, error):
        """Takes a step; the error is of no influence."""
        step = self.step + 1.0
        self.step.assign(step)
        self.beta.assign(self.final * ops.minimum(step / max(self.num_steps, 1), 1.0)**self.power)

    def get_config(self):
        config = {name: value for name, value in super().get_config().items() if name != "dtype"}
        return {**config, "final": self.final, "num_steps": self.num_steps, "power": self.power}
