"""Line charts, box plots and bars."""

import unittest

import numpy as np

from tfobj import charts

BLUE, FAINT = charts._COLORS[0], charts._mixed(charts._COLORS[0])


def rows_of(picture, column, color):
    """Rows in which a column of a picture has exactly a colour."""
    return np.flatnonzero((picture[:, column] == color).all(axis=-1))


class ChartsTest(unittest.TestCase):
    def test_ticks_are_round_and_inside(self):
        for low, high, expected in ((0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
                                    (-104.0, 3.0, [-100, -80, -60, -40, -20, 0]),
                                    (0.0011, 0.0031, [0.0015, 0.002, 0.0025, 0.003])):
            np.testing.assert_allclose(charts.ticks(low, high), expected, atol=1e-12)

    def test_a_line_rises_inside_its_band(self):
        curve = charts.Curve((0, 1, 2), (0.0, 1.0, 2.0), (-1.0, 0.0, 1.0), (1.0, 2.0, 3.0))
        picture = charts.line_chart("title", [curve], "x", (200, 300))
        self.assertEqual((picture.shape, picture.dtype), ((200, 300, 3), np.uint8))
        lines, bands = ([rows_of(picture, column, color) for column in (100, 200)] for color in (BLUE, FAINT))
        self.assertGreater(lines[0].mean(), lines[1].mean() + 20)
        for line, band in zip(lines, bands):
            self.assertAlmostEqual(line.mean(), band.mean(), delta=2.0)
            self.assertGreater(len(band), 40)

    def test_values_that_are_not_finite_are_left_out(self):
        whole = charts.line_chart("", [charts.Curve((0, 1, 2), (0.0, 1.0, 2.0))])
        holed = charts.line_chart("", [charts.Curve((0, 1, 2), (0.0, float("nan"), 2.0))])
        self.assertEqual(whole.shape, holed.shape)
        self.assertTrue(rows_of(holed, 225, BLUE).size)
        nothing = charts.line_chart("", [charts.Curve((3,), (float("nan"),), (float("nan"),), (float("nan"),))])
        self.assertFalse((nothing == BLUE).all(axis=-1).any())

    def test_boxes_stand_over_their_labels(self):
        picture = charts.box_chart("", [(0, 1, 2, 3, 4), (4, 5, 6, 7, 8)], ["K=3", "K=5"], size=(200, 300))
        left, right = ([rows_of(picture, column, FAINT) for column in columns] for columns in ((110,), (230,)))
        self.assertGreater(left[0].min(), right[0].max())

    def test_bars_are_as_high_as_their_values(self):
        picture = charts.bar_chart("", [0.25, 1.0, -0.5, float("nan")], list("abcd"), (300, 400))
        heights = [len(rows_of(picture, column, FAINT)) for column in (108, 185, 262, 340)]
        self.assertAlmostEqual(heights[0] / heights[1], 0.25, delta=0.03)
        self.assertEqual(heights[2:], [0, 0])
