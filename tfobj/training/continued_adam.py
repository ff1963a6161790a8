"""Adam whose moments go on while weights join it."""

import keras
from keras import ops


class ContinuedAdam(keras.optimizers.Adam):
    """Adam that counts the updates of every weight for itself.

    The moments of a weight that joins late are empty, and are corrected by the number of its own updates, not by that
    of the optimizer: it is trained as by a new Adam, and all others as if nothing had happened.

    Args:
        learning_rate: Learning rate or schedule of it; both count the optimizer's updates.
        joined: Dict from the path of a variable to the updates that were over when it joined; 0 for those not named.
        **options: See `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate, joined, **options):
        super().__init__(learning_rate, **options)
        self._joined = dict(joined)

    def update_step(self, gradient, variable, learning_rate):
        """See `keras.optimizers.Adam.update_step`."""
        # In TensorFlow, `variable` is the bare one, which has no path.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        joined = self._joined.get(path, 0)
        if joined:
            wanted, applied = self._correction(self.iterations + 1 - joined), self._correction(self.iterations + 1)
            learning_rate = ops.cast(learning_rate, "float32") * wanted / applied
        super().update_step(gradient, variable, learning_rate)

    def _correction(self, updates):
        """What Adam multiplies the rate with because the moments began at 0."""
        updates = ops.cast(updates, "float32")
        first, second = (1.0 - ops.power(ops.cast(beta, "float32"), updates) for beta in (self.beta_1, self.beta_2))
        return ops.sqrt(second) / first
