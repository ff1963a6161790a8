"""Coordinate grids in closed form."""

import unittest

import numpy as np

from tfobj.ops.coordinates import cosine_grid, linear_grid, position_grid


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


class LinearGridTest(unittest.TestCase):
    def test_rows_first_from_minus_one_to_one(self):
        grid = linear_grid(3, 5)
        self.assertEqual((grid.shape, grid.dtype), ((1, 3, 5, 2), np.float64))
        np.testing.assert_array_equal(grid[0, :, 2], [[-1, 0], [0, 0], [1, 0]])
        np.testing.assert_array_equal(grid[0, 0], [[-1, -1], [-1, -0.5], [-1, 0], [-1, 0.5], [-1, 1]])


class CosineGridTest(unittest.TestCase):
    def test_products_of_cosines_without_the_constant(self):
        height, width, count = 4, 7, 3
        grid = cosine_grid(height, width, count)
        self.assertEqual((grid.shape, grid.dtype), ((1, height, width, 8), np.float64))
        for across in range(count):
            for down in range(count):
                if across or down:
                    expected = np.outer(np.cos(down * np.linspace(0, np.pi, height)),
                                        np.cos(across * np.linspace(0, np.pi, width)))
                    np.testing.assert_allclose(grid[0, :, :, across * count + down - 1], expected, atol=1e-15)
