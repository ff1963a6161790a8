"""RMSprop as PyTorch has it."""

import keras
from keras import ops


class RMSprop(keras.optimizers.RMSprop):
    """Divides the gradient by the root of the average of its square, and adds epsilon to that root, not inside of it.

    With small gradients the two differ: Keras' own divides by at least the root of epsilon.

    Args:
        learning_rate: Learning rate or schedule of it.
        rho: float. Decay of the average. Defaults to `0.99`.
        epsilon: float. Defaults to `1e-8`.
    """

    def __init__(self, learning_rate, rho=0.99, epsilon=1e-8):
        super().__init__(learning_rate, rho=rho, epsilon=epsilon)

    def update_step(self, gradient, variable, learning_rate):
        """See `keras.optimizers.RMSprop.update_step`."""
        squares = self._velocities[self._get_variable_index(variable)]
        gradient, rate = (ops.cast(value, variable.dtype) for value in (gradient, learning_rate))
        average = self.rho * squares + (1.0 - self.rho) * ops.square(gradient)
        self.assign(squares, average)
        self.assign_sub(variable, rate * gradient / (ops.sqrt(average) + self.epsilon))
