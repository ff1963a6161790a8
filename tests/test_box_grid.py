"""The picture of where objects are placed."""

import unittest

import numpy as np

from tfobj import visualisation
from tfobj.box_grid import box_grid

TILE, GAP, TOP = 96, 6, 6 + 16 + 6


class BoxGridTest(unittest.TestCase):
    def setUp(self):
        masks = np.zeros((2, 3, 32, 32), np.float32)
        masks[:, 0] = 1.0
        masks[0, 0, 8:16, 4:12], masks[0, 1, 8:16, 4:12] = 0.2, 0.8  # of the second object no pixel
        boxes = np.array([[[0.25, 0.125, 0.5, 0.375], [0.5, 0.5, 1.0, 1.0]]] * 2, np.float32)
        outputs = {"masks": masks, "boxes": boxes, "reconstruction": np.full((2, 32, 32, 3), 0.4)}
        self.picture = box_grid(np.zeros((2, 32, 32, 3), np.uint8), outputs, background_slot=0)

    def tile(self, line, column):
        top, left = TOP + line * (TILE + GAP), 6 + column * (TILE + GAP)
        return self.picture[top:top + TILE, left:left + TILE]

    def test_objects_that_are_seen_have_boxes_in_their_colour(self):
        color = list(visualisation.slot_color(1))
        for column, inside in ((1, 0), (2, 102)):
            tile = self.tile(0, column)
            for row, place in ((24, 20), (47, 20), (35, 12), (35, 35)):  # the four sides
                self.assertEqual(tile[row, place].tolist(), color)
            self.assertEqual(tile[35, 20].tolist(), [inside] * 3)
            self.assertEqual(tile[60, 60].tolist(), [inside] * 3)

    def test_objects_that_are_not_seen_have_none(self):
        self.assertEqual(np.unique(self.tile(1, 1)).tolist(), [0])
        self.assertEqual(np.unique(self.tile(1, 2)).tolist(), [102])

    def test_the_foreground_is_what_hides_the_background(self):
        tile = self.tile(0, 3)
        self.assertEqual([tile[36, 24, 0], tile[0, 0, 0]], [204, 0])
        self.assertEqual(np.unique(self.tile(0, 0)).tolist(), [0])


if __name__ == "__main__":
    unittest.main()
