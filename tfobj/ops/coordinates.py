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
