"""Tetrominoes: shares of the pieces, their places and their pixels."""

import unittest

import numpy as np

from tfobj.data.scenes import tetrominoes

GREEN = 1
# Gray levels of a block, as read off the released records.
BEVEL = np.array([[191, 255, 255, 255, 223],
                  [127, 159, 159, 159, 191],
                  [127, 159, 159, 159, 191],
                  [127, 159, 159, 159, 191],
                  [95, 63, 63, 63, 127]])


class TetrominoesScenesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.shapes, cls.positions = tetrominoes.sample_layouts(np.random.default_rng(0), 200_000)
        rng = np.random.default_rng(1)
        cls.scenes = [tetrominoes.TetrominoesScenes().draw(rng) for _ in range(50)]

    def test_shares_without_s_and_z_pieces_are_those_of_the_real_file(self):
        skewed = np.isin(self.shapes, (11, 12, 13, 14))
        self.assertAlmostEqual((~skewed).all(axis=1).mean(), 0.5033, delta=0.004)
        green = np.random.default_rng(2).integers(0, 6, self.shapes.shape) == GREEN
        self.assertAlmostEqual((~(skewed & green)).all(axis=1).mean(), 0.9009, delta=0.003)

    def test_one_candidate_in_seven_is_accepted(self):
        rng = np.random.default_rng(3)
        shapes = rng.integers(1, 20, (40_000, 3))
        corners = np.floor(rng.random((40_000, 3, 2)) * (36 - tetrominoes.EXTENTS[shapes])).astype(int)
        share = 1.0 - tetrominoes._overlapping(shapes, corners).mean()
        self.assertAlmostEqual(share, 0.146, delta=0.005)
        self.assertAlmostEqual(1.0 - (1.0 - share) ** tetrominoes._CANDIDATES, 0.92, delta=0.01)

    def test_rejecting_whole_scenes_favours_the_bar_and_the_square(self):
        frequencies = np.bincount(self.shapes.reshape(-1), minlength=20)[1:] * 19 / self.shapes.size
        np.testing.assert_allclose(frequencies[[0, 1, 18]], [1.08, 1.08, 1.21], atol=0.02)
        self.assertLess(np.abs(frequencies[2:18] - 0.977).max(), 0.025)

    def test_pieces_stay_inside_the_frame_and_reach_its_edges(self):
        ends = self.positions + tetrominoes.EXTENTS[self.shapes]
        self.assertEqual((self.positions.min(), ends.max()), (0, 35))

    def test_there_are_nineteen_different_shapes_of_four_blocks(self):
        outlines = {tuple(map(tuple, blocks)) for blocks in tetrominoes.BLOCKS[1:]}
        self.assertEqual(len(outlines), 19)
        self.assertTrue((tetrominoes.BLOCKS[1:].min(axis=1) == 0).all())

    def test_pieces_never_overlap(self):
        for scene in self.scenes:
            areas = np.bincount(scene["mask"].reshape(-1), minlength=4)
            np.testing.assert_array_equal(areas, [35 * 35 - 300, 100, 100, 100])

    def test_pictures_follow_from_the_factors(self):
        for scene in self.scenes:
            image, mask = np.zeros((35, 35, 3), np.uint8), np.zeros((35, 35), np.uint8)
            objects = scene["objects"]
            for index in range(3):
                for down, right in tetrominoes.BLOCKS[objects["shape"][index]]:
                    row, column = int(objects["row"][index]) + down, int(objects["column"][index]) + right
                    window = np.s_[row:row + 5, column:column + 5]
                    image[window] = BEVEL[..., None] * objects["color"][index]
                    mask[window] = index + 1
            np.testing.assert_array_equal(scene["image"], image)
            np.testing.assert_array_equal(scene["mask"], mask)
            np.testing.assert_array_equal(scene["visibility"], [True] * 4)


if __name__ == "__main__":
    unittest.main()
