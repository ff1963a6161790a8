"""Shapes: the stencils, their places, and pixels that several of them cover."""

import hashlib
import unittest

import numpy as np

from tfobj.data.scenes import generation
from tfobj.data.scenes import shapes


class ShapesScenesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        rng, scenes = np.random.default_rng(0), shapes.ShapesScenes()
        cls.scenes = [scenes.draw(rng) for _ in range(12_000)]
        cls.masks = np.stack([scene["mask"] for scene in cls.scenes])

    def test_stencils(self):
        self.assertEqual([int(stencil.sum()) for stencil in shapes.STENCILS[1:]], [40, 48, 48])
        np.testing.assert_array_equal(shapes.EXTENTS[1:], [[7, 7], [7, 12], [7, 12]])
        np.testing.assert_array_equal(shapes.STENCILS[1][2:5, 2:5], 0)
        np.testing.assert_array_equal(shapes.STENCILS[3], shapes.STENCILS[2][::-1])
        np.testing.assert_array_equal(shapes.STENCILS[2], shapes.STENCILS[2][:, ::-1])

    def test_share_of_overlap(self):
        shared, on = (self.masks == 255).sum(axis=(1, 2)), (self.masks > 0).sum(axis=(1, 2))
        self.assertAlmostEqual((shared > 0).mean(), 0.716, delta=0.012)
        self.assertAlmostEqual((shared / on).mean(), 0.092, delta=0.003)

    def test_shapes_and_places_are_uniform(self):
        codes = np.stack([scene["objects"]["shape"] for scene in self.scenes])
        np.testing.assert_allclose(np.bincount(codes.reshape(-1))[1:] / codes.size, 1 / 3, atol=0.01)
        for name, places in (("row", 22), ("column", 17)):
            values = np.stack([scene["objects"][name] for scene in self.scenes])[codes == 2]
            np.testing.assert_allclose(np.bincount(values.astype(int)) / values.size, 1 / places, rtol=0.2)

    def test_pictures_follow_from_the_factors(self):
        for scene in self.scenes[:300]:
            objects, cover = scene["objects"], np.zeros((3, 28, 28), int)
            for index in range(3):
                stencil = shapes.STENCILS[objects["shape"][index]]
                row, column = int(objects["row"][index]), int(objects["column"][index])
                cover[index, row:row + stencil.shape[0], column:column + stencil.shape[1]] = stencil
            number, ids = cover.sum(axis=0), (cover * np.arange(1, 4)[:, None, None]).sum(axis=0)
            np.testing.assert_array_equal(scene["mask"], np.where(number > 1, 255, ids))
            np.testing.assert_array_equal(scene["image"][..., 0], (number > 0) * 255)
            self.assertEqual((scene["image"].dtype, scene["image"].shape), (np.uint8, (28, 28, 1)))

    def test_shape_without_a_pixel_of_its_own_is_not_visible(self):
        hidden = 0
        for scene in self.scenes:
            own = np.bincount(scene["mask"].reshape(-1), minlength=4)[1:4] > 0
            np.testing.assert_array_equal(scene["visibility"], [True, *own])
            hidden += int((~own).sum())
        self.assertGreater(hidden, 0)

    def test_golden_example(self):
        digest = hashlib.sha256()
        scene = shapes.ShapesScenes().draw(generation.example_rng(0, "train", 0))
        for array in (scene["image"], scene["mask"], *(scene["objects"][name] for name in ("shape", "row", "column"))):
            digest.update(array.tobytes())
        self.assertEqual(digest.hexdigest()[:16], "4fdd6376c658c41f")


if __name__ == "__main__":
    unittest.main()
