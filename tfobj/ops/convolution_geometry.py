"""Kernels, strides and sizes by which the background model of AST-Seg's released code shrinks an image to one pixel."""

import dataclasses

from tfobj.errors import UserError

_LARGE = 200
_SUPPORTED = (5, 6, 7)


@dataclasses.dataclass(frozen=True)
class Reduction:
    """One convolution. All attributes are tuples (rows, columns).

    Attributes:
        input_size: Before it.
        output_size: Behind it.
        kernel_size: Of the convolution.
        strides: Of the convolution.
        padding: Zeros on either side.
    """

    input_size: tuple
    output_size: tuple
    kernel_size: tuple
    strides: tuple
    padding: tuple


def reductions(image_size):
    """The convolutions from an image to one pixel.

    Args:
        image_size: Tuple (H, W).

    Returns:
        Tuple of 5 to 7 `Reduction`.

    Raises:
        UserError: it would take more or fewer.
    """
    large, size, found = max(image_size) >= _LARGE, tuple(image_size), []
    while max(size) > 1 and len(found) <= max(_SUPPORTED):
        sides = [_rule(side, large) for side in size]
        found.append(Reduction(size, *(tuple(side[i] for side in sides) for i in range(4))))
        size = found[-1].output_size
    if len(found) not in _SUPPORTED:
        raise UserError(f"images of {image_size[0]}x{image_size[1]} pixels do not fit the background model of ast_seg, "
                        "which takes a longer side of 25 to 192, or of 200 to 3645; use another --image_size")
    return tuple(found)


def _rule(side, large):
    """(next side, kernel, stride, padding) of one axis."""
    if side > 5:
        stride = 3 if large else 2
        return (side - 1) // stride + 1, 5, stride, 2
    if side >= 4 and not large:
        return (side - 2) // 2 + 1, 4, 2, 1
    return 1, side, 1, 0
