"""Statistics over the batch of all replicas."""

import keras
from keras import ops


def global_mean(values):
    """Mean over the images of the global batch; no gradient passes.

    Args:
        values: Float [B, ...], those of this replica.

    Returns:
        Float [...], equal on every replica. On JAX the batch is one array over all devices anyway.
    """
    synchronized = keras.config.backend() == "tensorflow"
    return ops.moments(ops.stop_gradient(values), axes=[0], synchronized=synchronized)[0]
