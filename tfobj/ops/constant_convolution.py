"""Convolution of a map that has the same vector everywhere, without making the map."""

import numpy as np
from keras import ops


def conv_of_constant(vectors, kernel, size):
    """What a "same" convolution with stride 1 makes of vectors that are repeated over a grid.

    The response depends only on which taps of the kernel fall into the image, of which there are as many cases per
    axis as the kernel has taps. So the vectors meet the sums of the taps of each case, a small matrix product, and
    the result is laid out over the grid. It costs about 1 / Z of the convolution.

    Args:
        vectors: Float [N,Z].
        kernel: Float [kh,kw,Z,C], of the same dtype.
        size: Tuple (H, W) of ints.

    Returns:
        [N,H,W,C].
    """
    (rows, down), (columns, across) = (_cases(side, taps) for side, taps in zip(size, kernel.shape[:2]))
    rows, columns = (ops.convert_to_tensor(values, dtype=kernel.dtype) for values in (rows, columns))
    layout = np.einsum("ir,js->ijrs", down, across).reshape(size[0] * size[1], -1)  # [H*W,R*S]
    depth, channels = kernel.shape[2:]
    sums = ops.tensordot(rows, ops.tensordot(columns, kernel, axes=(1, 1)), axes=(1, 1))  # [R,S,Z,C]
    sums = ops.reshape(ops.transpose(sums, (2, 0, 1, 3)), (depth, -1))  # [Z,R*S*C]
    responses = ops.reshape(ops.matmul(vectors, sums), (-1, layout.shape[1], channels))  # [N,R*S,C]
    # A product with zeros and ones: its gradient is a product too, that of a gather is slow.
    outputs = ops.matmul(ops.convert_to_tensor(layout[None], dtype=kernel.dtype), responses)  # [N,H*W,C]
    return ops.reshape(outputs, (-1, *size, channels))


def _cases(side, taps):
    """Which taps lie inside the image, for each distinct case [R,taps], and the case of each position [side,R]."""
    before = (taps - 1) // 2
    position = np.arange(side)[:, None] + np.arange(taps) - before
    inside = (position >= 0) & (position < side)
    cases, index = np.unique(inside, axis=0, return_inverse=True)
    return cases.astype(np.float64), np.eye(len(cases))[index.ravel()]
