"""Bilinear resampling as matrix products: differentiable in the image and in where it is sampled, without gathers.

A transform that only scales and shifts treats rows and columns separately, so that sampling a picture is a product with
one small matrix of interpolation weights from either side. Keras' `affine_transform` has no gradient with respect to
the transform on TensorFlow, and `map_coordinates` takes no batch.
"""

import numpy as np
from keras import ops

from tfobj.ops.precision import at_least_float32


def paint_glimpses(glimpses, positions, inverse_scales, size):
    """Paints every glimpse into a box on an empty canvas (the spatial transformer of AST-Seg).

    The convention is that of PyTorch's `affine_grid` and `grid_sample` with `align_corners=False`: -1 and 1 are the
    outer borders of the image, not the centres of its outer pixels. Outside of the glimpse everything is 0, so that
    values fade linearly over one glimpse pixel at its border.

    Args:
        glimpses: Float [M, g, g', C].
        positions: Float [M, 2]. Centre of the box (x, y); the image is [-1, 1] in both.
        inverse_scales: Float [M, 2]. Image side divided by that of the box, (horizontal, vertical), > 0.
        size: Tuple (H, W) of ints.

    Returns:
        Float [M, H, W, C], dtype of `glimpses`. Coordinates are computed in float32 or wider.
    """
    height, width = size
    rows, columns, channels = glimpses.shape[1:]
    x, y = positions[:, 0], positions[:, 1]
    across = interpolation_weights(x, inverse_scales[:, 0], columns, width)  # [M,W,g']
    down = interpolation_weights(y, inverse_scales[:, 1], rows, height)  # [M,H,g]
    across, down = ops.cast(across, glimpses.dtype), ops.cast(down, glimpses.dtype)
    canvas = ops.reshape(ops.transpose(glimpses, (0, 2, 1, 3)), (-1, columns, rows * channels))  # [M,g',g*C]
    canvas = ops.reshape(ops.matmul(across, canvas), (-1, width, rows, channels))  # [M,W,g,C]
    canvas = ops.reshape(ops.transpose(canvas, (0, 2, 1, 3)), (-1, rows, width * channels))  # [M,g,W*C]
    return ops.reshape(ops.matmul(down, canvas), (-1, height, width, channels))  # [M,H,W,C]


def interpolation_weights(position, inverse_scale, samples, side):
    """Weights with which the pixels of one side of an image take the samples of a glimpse.

    Args:
        position: Float [M]. Centre of the glimpse, the image is [-1, 1].
        inverse_scale: Float [M]. Side of the image divided by that of the glimpse.
        samples: int. Samples of the glimpse.
        side: int. Pixels of the image.

    Returns:
        float32 or wider [M, side, samples] in [0, 1]; a row sums to 1 well inside of the glimpse, to 0 outside.
    """
    position, inverse_scale = at_least_float32(position), at_least_float32(inverse_scale)
    pixels = _constant((2.0 * np.arange(side) + 1.0) / side - 1.0, position)  # [side], centres in [-1, 1]
    inside = inverse_scale[:, None] * (pixels - position[:, None])  # [M,side], the glimpse is [-1, 1]
    index = ((inside + 1.0) * samples - 1.0) / 2.0
    distance = ops.abs(index[..., None] - _constant(np.arange(samples), position))  # [M,side,samples]
    return ops.maximum(1.0 - distance, 0.0)


def resize_bilinear(maps, size):
    """Resizes maps with half-pixel centres, edges repeated, without antialiasing (PyTorch's `interpolate`).

    Args:
        maps: Float [B, h, w, C].
        size: Tuple (H, W) of ints.

    Returns:
        Float [B, H, W, C], dtype of `maps`.
    """
    height, width, channels = maps.shape[1:]
    if (height, width) == tuple(size):
        return maps
    down, across = (ops.convert_to_tensor(_resize_weights(old, new), dtype=maps.dtype)
                    for old, new in zip((height, width), size))  # [H,h], [W,w]
    outputs = ops.matmul(down, ops.reshape(maps, (-1, height, width * channels)))  # [B,H,w*C]
    outputs = ops.reshape(outputs, (-1, size[0], width, channels))  # [B,H,w,C]
    return ops.matmul(across, outputs)  # [B,H,W,C]


def _resize_weights(old, new):
    index = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0.0, old - 1.0)
    return np.maximum(1.0 - np.abs(index[:, None] - np.arange(old)), 0.0)


def _constant(values, like):
    return ops.convert_to_tensor(values, dtype=like.dtype)
