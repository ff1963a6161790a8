"""Arrays turned round."""

from keras import ops


def mirrored(array, axes):
    """Reverses the order along some axes.

    Args:
        array: Tensor of any shape and type.
        axes: Sequence of int.

    Returns:
        Tensor of the same shape.
    """
    for axis in axes:  # one by one: OpenVINO imports no reversal of several axes
        array = ops.flip(array, axis=axis)
    return array
