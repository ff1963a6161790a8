"""Generalised ELBO with constrained optimisation, GECO (Rezende and Viola 2018), as in the GENESIS codes."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfobj")
class Geco(keras.layers.Layer):
    """The weight beta of the divergence, steered so that the error reaches a goal.

    While a moving average of the error is above the goal, beta falls; below it, beta rises, and faster. A loss uses
    `beta` before the update that its own error causes.

    Args:
        goal: float. Error to reach.
        rate: float. Change of log(beta) for each unit of distance to the goal.
        decay: float in [0, 1). Of the moving average, which starts at the first error. Defaults to `0.99`.
        speedup: float. Factor on the rate below the goal. Defaults to `10.0`.
        initial: float. First beta. Defaults to `1.0`.
        minimum: float. Defaults to `1e-10`.
        maximum: float. Defaults to `1e10`.
    """

    def __init__(self, goal, rate, decay=0.99, speedup=10.0, initial=1.0, minimum=1e-10, maximum=1e10, **kwargs):
        # State, not arithmetic: float32 under every policy, so that checkpoints fit.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.options = {"goal": goal, "rate": rate, "decay": decay, "speedup": speedup, "initial": initial,
                        "minimum": minimum, "maximum": maximum}
        # Every replica assigns the same value, which follows from terms that were averaged over all of them.
        state = {"shape": (), "trainable": False, "dtype": "float32", "aggregation": "only_first_replica"}
        self.beta = self.add_weight(initializer=keras.initializers.Constant(initial), name="beta", **state)
        self.average = self.add_weight(initializer="zeros", name="average", **state)
        self.started = self.add_weight(initializer="zeros", name="started", **state)
        self.built = True

    def next_average(self, error):
        """The moving average that follows an error (float tensor of any shape), float32."""
        error = ops.cast(error, "float32")
        average = self.options["decay"] * self.average + (1.0 - self.options["decay"]) * error
        return ops.where(self.started.value > 0.0, average, error)

    def update(self, error):
        """Takes a step.

        Args:
            error: float32 scalar, mean over the global batch.
        """
        options = self.options
        average = self.next_average(error)
        distance = options["goal"] - average
        rate = options["rate"] * ops.where(distance > 0.0, options["speedup"], 1.0)
        beta = ops.clip(self.beta * ops.exp(rate * distance), options["minimum"], options["maximum"])
        self.average.assign(average)
        self.started.assign(ops.ones_like(average))
        self.beta.assign(beta)

    def get_config(self):
        config = {name: value for name, value in super().get_config().items() if name != "dtype"}
        return {**config, **self.options}
