"""Sets of objects as rows of numbers, see `tfobj.properties`: how the factors of a batch become targets."""

import numpy as np
from keras import ops

from tfobj import properties


def property_targets(objects, visibility):
    """Encodes what is known about the objects of some images.

    Args:
        objects: Dict of tensors, of these `coords_3d` float [B,N,3] in [-3,3], and int [B,N] for each factor of
            `properties.CLASSES`.
        visibility: bool [B,N+1], the background first.

    Returns:
        float32 [B,N,19]; rows of zeros where there is no object.
    """
    exists = ops.cast(visibility, "float32")[:, 1:, None]
    half = properties.COORDINATE_RANGE / 2.0
    coordinates = (ops.cast(objects[properties.COORDINATE_FACTOR], "float32") + half) / properties.COORDINATE_RANGE
    codes = [ops.one_hot(ops.cast(objects[factor], "int32"), len(names), dtype="float32")
             for factor, names in properties.CLASSES.items()]
    return ops.concatenate([coordinates * exists, *(code * exists for code in codes), exists], axis=-1)


def with_rows(targets, number):
    """Sets [B,N,19] with rows of zeros in addition where there are fewer than `number`: [B,max(N,number),19]."""
    return ops.pad(targets, ((0, 0), (0, max(0, number - targets.shape[1])), (0, 0)))


def first_objects(targets, number):
    """Brings sets to a number of rows, the real objects first.

    Args:
        targets: Float [B,N,19].
        number: int K.

    Returns:
        Float [B,K,19]: where N < K with rows of zeros in addition; where N > K without rows of zeros, and without the
        last objects of images that show more than K.
    """
    _, order = ops.top_k(targets[..., properties.PRESENCE], k=min(number, targets.shape[1]))  # the first of equal ones
    return with_rows(ops.take_along_axis(targets, order[..., None], axis=1), number)


def is_padding(targets):
    """Which rows [B,N] of sets [B,N,19] are no objects."""
    return targets[..., properties.PRESENCE] == 0.0


def coordinate_weights(scale):
    """Factors, float32 array [19], by which a loss takes coordinates as numbers in [0, `scale`] (a float)."""
    weights = np.ones(properties.NUM_PROPERTIES, np.float32)
    weights[properties.COORDINATES] = scale
    return weights
