"""Coordinate grids that tell a convolutional network where it is."""

import numpy as np


def position_grid(height, width):
    """Distances of every cell to the four borders (Slot Attention, Section E.2).

    Args:
        height: int >= 1. Rows.
        width: int >= 1. Columns.

    Returns:
        float32 array [1, height, width, 4] in [0, 1]; channels (row, column, 1 - row, 1 - column), both end points
        included. A side of length 1 has coordinate 0.
    """
    rows = np.linspace(0.0, 1.0, height, dtype=np.float32)
    columns = np.linspace(0.0, 1.0, width, dtype=np.float32)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)  # [H,W,2]
    return np.concatenate([grid, 1.0 - grid], axis=-1)[None]  # [1,H,W,4]


def linear_grid(height, width):
    """Coordinates of every cell from -1 to 1 (IODINE's decoder; its refinement network takes them as x, y).

    Args:
        height: int >= 1. Rows.
        width: int >= 1. Columns.

    Returns:
        float64 array [1, height, width, 2] in [-1, 1]; channels (row, column), both end points included.
    """
    axes = [np.linspace(-1.0, 1.0, side) for side in (height, width)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)[None]  # [1,H,W,2]


def cosine_grid(height, width, num_frequencies):
    """Products of cosines of the coordinates, the low frequencies of a cosine transform (IODINE's code).

    Args:
        height: int >= 1. Rows.
        width: int >= 1. Columns.
        num_frequencies: int n >= 2. Frequencies 0, ..., n - 1 of each axis.

    Returns:
        float64 array [1, height, width, n * n - 1] in [-1, 1]: cos(f pi x) cos(g pi y), x and y from 0 to 1, f the
        frequency along the columns; channel f * n + g - 1. The constant, f = g = 0, is left out.
    """
    rows, columns = (np.cos(np.outer(np.linspace(0.0, np.pi, side), np.arange(num_frequencies)))
                     for side in (height, width))  # [H,n], [W,n]
    grid = np.einsum("wf,hg->hwfg", columns, rows).reshape(1, height, width, -1)
    return grid[..., 1:]  # [1,H,W,n*n-1]
