"""The picture of how a model refines what it sees."""

import unittest

import numpy as np

from tfobj import visualisation
from tfobj.iteration_grid import iteration_grid

LEFT, HEAD, TILE, GAP = 6 + 96 + 6, 6 + 16 + 12, 96, 6


class IterationGridTest(unittest.TestCase):

    def setUp(self):
        self.reconstructions = np.stack([np.full((2, 32, 32, 3), value) for value in (0.2, 0.4, 0.6)], axis=1)
        self.masks = np.zeros((2, 3, 4, 32, 32))
        for step, slot in enumerate((3, 0, 2)):
            self.masks[:, step, slot] = 1.0

    def tile(self, picture, image, row, step):
        """The colour in the middle of a tile."""
        top = HEAD + image * (3 * (TILE + GAP) - GAP + 12) + row * (TILE + GAP)
        return picture[top + TILE // 2, LEFT + step * (TILE + GAP) + TILE // 2].tolist()

    def test_a_column_per_iteration_and_three_lines_per_image(self):
        images = np.stack([np.full((32, 32, 3), value) for value in (0.0, 1.0)])
        picture = iteration_grid(images, self.reconstructions, self.masks)
        for image in range(2):
            for step, slot in enumerate((3, 0, 2)):
                self.assertEqual(self.tile(picture, image, 0, step), [255 * image] * 3)
                self.assertEqual(self.tile(picture, image, 1, step), [51 * (step + 1)] * 3)
                self.assertEqual(self.tile(picture, image, 2, step), visualisation.palette()[slot + 1].tolist())

    def test_of_sequences_every_iteration_shows_its_frame(self):
        frames = np.broadcast_to(np.arange(5, dtype=np.uint8)[None, :, None, None, None] * 50, (2, 5, 32, 32, 1))
        picture = iteration_grid(frames, self.reconstructions[..., :1], self.masks, background_slot=0)
        self.assertEqual([self.tile(picture, 1, 0, step)[0] for step in range(3)], [0, 50, 100])
        self.assertEqual(self.tile(picture, 1, 2, 1), list(visualisation.BACKGROUND_COLOR))


if __name__ == "__main__":
    unittest.main()
