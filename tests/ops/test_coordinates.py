"""Position grids in closed form."""

import unittest

import numpy as np

from tfobj.ops.coordinates import position_grid


class PositionGridTest(unittest.TestCase):
    def test_channels_are_row_column_and_their_complements(self):
        grid = position_grid(3, 5)
        self.assertEqual((grid.shape, grid.dtype), ((1, 3, 5, 4), np.float32))
        for i in range(3):
            for j in range(5):
                np.testing.assert_allclose(grid[0, i, j], [i / 2, j / 4, 1 - i / 2, 1 - j / 4], atol=1e-7)

    def test_both_end_points_are_included(self):
        grid = position_grid(7, 4)[0]
        np.testing.assert_array_equal(grid[0, 0], [0, 0, 1, 1])
        np.testing.assert_array_equal(grid[-1, -1], [1, 1, 0, 0])

    def test_side_of_length_one_has_coordinate_zero(self):
        np.testing.assert_array_equal(position_grid(1, 1)[0, 0, 0], [0, 0, 1, 1])
        np.testing.assert_array_equal(position_grid(1, 3)[0, 0], [[0, 0, 1, 1], [0, 0.5, 1, 0.5], [0, 1, 1, 0]])
