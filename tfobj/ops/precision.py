"""Where arithmetic must not be narrower than float32: likelihoods, softmaxes over slots, sums over many pixels."""

import keras
from keras import ops


def island_dtype():
    """Returns the dtype of a float32 island under the current policy: `float64` in a float64 model, else `float32`."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"


def at_least_float32(tensor):
    """Casts to float32; float64 passes."""
    return tensor if keras.backend.standardize_dtype(tensor.dtype) == "float64" else ops.cast(tensor, "float32")
