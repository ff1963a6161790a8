"""Coloured shapes: counts, places, areas and colours of the scenes."""

import unittest

import numpy as np

from tfobj.data.scenes.colored_shapes import ColoredShapesScenes
from tfobj.data.scenes.colored_shapes import inside_shape


class ColoredShapesScenesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        rng = np.random.default_rng(0)
        cls.scenes = [ColoredShapesScenes().draw(rng) for _ in range(400)]

    def test_two_and_three_objects_are_equally_frequent(self):
        counts = np.array([scene["visibility"].sum() - 1 for scene in self.scenes])
        self.assertEqual(set(counts), {2, 3})
        self.assertAlmostEqual((counts == 3).mean(), 0.5, delta=0.08)

    def test_bounding_circles_stay_inside_and_apart(self):
        for scene in self.scenes:
            number, objects = scene["visibility"].sum() - 1, scene["objects"]
            centers, radii = np.stack([objects["row"], objects["column"]], -1)[:number], objects["radius"][:number]
            self.assertTrue(((radii >= 5.5) & (radii <= 7.5)).all())
            self.assertTrue((centers - radii[:, None] >= -1e-5).all() and (centers + radii[:, None] <= 32 + 1e-5).all())
            for one in range(number):
                for two in range(one):
                    self.assertGreater(np.hypot(*(centers[one] - centers[two])), radii[one] + radii[two] - 1e-5)

    def test_images_are_flat_colours_on_mid_gray(self):
        for scene in self.scenes:
            colors = np.vstack([[128, 128, 128], scene["objects"]["color"] * 255])
            np.testing.assert_array_equal(scene["image"], colors[scene["mask"]])

    def test_areas_follow_from_the_radius(self):
        grid = np.mgrid[-10:10:400j, -10:10:400j]
        for code, area in ((1, 2.0), (2, np.pi), (3, 0.75 * np.sqrt(3.0))):
            inside = inside_shape(code, *grid, radius=7.0, angle=0.4)
            self.assertAlmostEqual(inside.mean() * 400 / 49.0, area, delta=0.03)
            self.assertLess(np.hypot(*grid)[inside].max(), 7.001)

    def test_shapes_and_colours_are_uniform(self):
        shapes = np.concatenate([scene["objects"]["shape"] for scene in self.scenes])
        np.testing.assert_allclose(np.bincount(shapes)[1:] / (shapes > 0).sum(), 1 / 3, atol=0.06)
        colors = np.concatenate([scene["objects"]["color"][scene["visibility"][1:]] for scene in self.scenes])
        _, numbers = np.unique(colors, axis=0, return_counts=True)
        np.testing.assert_allclose(numbers / len(colors), 1 / 6, atol=0.05)


if __name__ == "__main__":
    unittest.main()
