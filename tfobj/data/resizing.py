"""Resizing in NumPy, with the numbers of TensorFlow's kernels up to the last bits.

Sampling positions and weights are computed in float32, as the kernels do: in float64 they would differ by more than
rounding where a position falls close to the middle between two pixels. All of it is separable: rows, then columns.
"""

import numpy as np

KINDS = ("bilinear", "antialias", "legacy")

_HALF, _ONE = np.float32(0.5), np.float32(1.0)


def nearest_indices(old, new, rule="half_pixel"):
    """Source index of each of `new` samples taken from `old` ones.

    Integer arithmetic, so that the result does not depend on how a ratio is rounded.

    Args:
        old: int.
        new: int.
        rule: str. "half_pixel": floor((i + 0.5) * old / new); "floor": floor(i * old / new).

    Returns:
        int64 [new].
    """
    positions = np.arange(new)
    return positions * old // new if rule == "floor" else (2 * positions + 1) * old // (2 * new)


def interpolate(images, size, kind):
    """Resizes by weighted means of neighbours.

    Args:
        images: float32 [B,H,W,C].
        size: Tuple (h, w).
        kind: str of `KINDS`: "bilinear", half-pixel centres; "antialias", the same with the triangle widened when
            shrinking, as `tf.image.resize(antialias=True)` and Pillow; "legacy", pixel i lies at i * H / h.

    Returns:
        float32 [B,h,w,C]. The values of an image do not depend on the others.
    """
    for axis, new in ((1, size[0]), (2, size[1])):
        indices, weights = taps(images.shape[axis], new, kind)
        images = _weighted(images, axis, indices, weights)
    return images


def taps(old, new, kind):
    """The source samples of each new one, and their weights.

    Args:
        old: int. Samples there are.
        new: int. Samples there shall be.
        kind: str of `KINDS`.

    Returns:
        Tuple of arrays [new,n]: indices int64 from 0 to `old` - 1, weights float32 that sum to one over n up to
        rounding; the weight of a tap that is not used is 0.
    """
    return _triangle(old, new) if kind == "antialias" else _two_neighbours(old, new, kind)


def _two_neighbours(old, new, kind):
    scale, positions = np.float32(old) / np.float32(new), np.arange(new, dtype=np.float32)
    positions = positions * scale if kind == "legacy" else (positions + _HALF) * scale - _HALF
    below = np.floor(positions)
    share = positions - below
    indices = np.stack([below, below + _ONE], axis=1).astype(np.int64)  # [new,2]
    return np.clip(indices, 0, old - 1), np.stack([_ONE - share, share], axis=1)


def _triangle(old, new):
    """Weights fall linearly to zero at a distance of one sample, of the coarser grid."""
    step = _ONE / (np.float32(new) / np.float32(old))
    radius = max(step, _ONE)
    centers = (np.arange(new, dtype=np.float32) + _HALF) * step  # [new]
    first = np.clip(np.ceil(centers - radius - _HALF).astype(np.int64), 0, old - 1)
    last = np.clip(np.floor(centers + radius - _HALF).astype(np.int64), 0, old - 1)
    indices = first[:, None] + np.arange(np.max(last - first) + 1)  # [new,n]
    distances = np.abs(indices.astype(np.float32) + _HALF - centers[:, None]) * (_ONE / radius)
    weights = np.where(indices <= last[:, None], np.maximum(_ONE - distances, np.float32(0.0)), np.float32(0.0))
    return np.minimum(indices, old - 1), weights * (_ONE / weights.sum(axis=1, keepdims=True, dtype=np.float32))


def _weighted(images, axis, indices, weights):
    """Replaces an axis by the weighted sums of its samples."""
    shape = [-1 if number == axis else 1 for number in range(images.ndim)]
    total = np.take(images, indices[:, 0], axis)
    total *= weights[:, 0].reshape(shape)
    for index, weight in zip(indices.T[1:], weights.T[1:]):
        part = np.take(images, index, axis)
        part *= weight.reshape(shape)
        total += part
    return total
