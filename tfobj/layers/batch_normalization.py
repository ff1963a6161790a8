"""Batch normalisation over the global batch."""

import keras


@keras.saving.register_keras_serializable(package="tfobj")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` with PyTorch's defaults, whose statistics are those of all replicas.

    The reference of GENESIS has statistics of each replica's own; these make a run on many devices equal one on one.
    On JAX the batch is one array over all devices, so that its statistics are the global ones anyway.

    Args:
        momentum: float. Share of the old in the moving statistics. Defaults to `0.9`.
        epsilon: float. Defaults to `1e-5`.
        **kwargs: As of `keras.layers.BatchNormalization`, without `synchronized`.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon,
                         synchronized=keras.config.backend() == "tensorflow", **kwargs)

    def add_weight(self, *args, **kwargs):
        """Moving statistics are equal on all replicas; TensorFlow wants to be told how to write them there."""
        aggregation = "only_first_replica" if kwargs.get("trainable") is False else "none"
        return super().add_weight(*args, **{"aggregation": aggregation, **kwargs})

    def get_config(self):
        config = super().get_config()
        config.pop("synchronized")
        return config
