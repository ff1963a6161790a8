"""Images and outputs on their way between the host and a model."""

import numpy as np
from keras import ops


def unit_range(image):
    """Maps a batch's images to float32 in [0, 1]; uint8 is divided by 255, floats pass. A tensor or an array."""
    if "uint8" not in str(image.dtype):
        return ops.convert_to_tensor(image)
    return ops.cast(image, "float32") / 255.0


def as_arrays(outputs):
    """Returns a dict of tensors as NumPy arrays, bfloat16 as float32."""
    arrays = {name: host_array(value) for name, value in outputs.items()}
    return {name: value if value.dtype.kind in "fiub" else value.astype(np.float32) for name, value in arrays.items()}


def host_array(value):
    """A tensor of any backend as a NumPy array."""
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)
