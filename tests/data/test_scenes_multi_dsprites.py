"""Multi-dSprites: shares, colours, occlusion, areas and places of the scenes."""

import colorsys
import unittest

import numpy as np

from tfobj.data.scenes import multi_dsprites
from tfobj.data.scenes import palette
from tfobj.data.scenes.multi_dsprites import MultiDspritesScenes


class MultiDspritesScenesTest(unittest.TestCase):

    def draw(self, variant, number=60):
        rng = np.random.default_rng(3)
        return [MultiDspritesScenes(variant).draw(rng) for _ in range(number)]

    def test_share_of_green_squares_is_that_of_the_real_file(self):
        factors = MultiDspritesScenes("colored_on_grayscale").sample_factors(np.random.default_rng(0), 200_000)
        red, green, blue = np.moveaxis(factors["color"], -1, 0)
        # Hue in [0.25, 0.42] at full saturation: green is 1, and red falls from 0.5 or blue rises to 0.52.
        wanted = (green == 1.0) & (red <= 0.5) & (blue <= 0.52) & (factors["shape"] == 1)
        wanted &= np.arange(5) < factors["num_objects"][:, None]
        self.assertAlmostEqual(wanted.any(axis=1).mean(), 0.183, delta=0.003)

    def test_hues_become_the_colours_of_the_standard_library(self):
        hues = np.linspace(0.0, 0.999, 50)
        expected = [colorsys.hsv_to_rgb(hue, 1.0, 1.0) for hue in hues]
        np.testing.assert_allclose(palette.hue_to_rgb(hues), expected, atol=1e-12)

    def test_counts_are_uniform_over_the_range_of_the_variant(self):
        for variant, low, high in (("colored_on_grayscale", 2, 5), ("binarized", 2, 3), ("colored_on_colored", 1, 4)):
            counts = MultiDspritesScenes(variant).sample_factors(np.random.default_rng(0), 20_000)["num_objects"]
            values, numbers = np.unique(counts, return_counts=True)
            np.testing.assert_array_equal(values, np.arange(low, high + 1))
            np.testing.assert_allclose(numbers / 20_000, 1 / len(values), atol=0.015)

    def test_factors_stay_in_their_ranges(self):
        factors = MultiDspritesScenes().sample_factors(np.random.default_rng(0), 5_000)
        for name, low, high in (("scale", 0.5, 1.0), ("x", 0.0, 1.0), ("y", 0.0, 1.0), ("orientation", 0.0, 2 * np.pi)):
            self.assertAlmostEqual(factors[name].min(), low, delta=0.01)
            self.assertAlmostEqual(factors[name].max(), high, delta=0.01)
        self.assertEqual(set(np.unique(factors["shape"])), {1, 2, 3})

    def test_a_pixel_has_the_colour_of_the_sprite_that_owns_it(self):
        for variant in multi_dsprites.VARIANTS:
            for scene in self.draw(variant):
                for index, color in enumerate(palette.to_uint8(scene["objects"]["color"])):
                    self.assertTrue((scene["image"][scene["mask"] == index + 1] == color).all())
                self.assertLessEqual(len(np.unique(scene["image"][scene["mask"] == 0], axis=0)), 1)

    def test_backgrounds(self):
        gray = [scene["image"][scene["mask"] == 0][0] for scene in self.draw("colored_on_grayscale")]
        self.assertTrue(all(len(set(color.tolist())) == 1 for color in gray))
        self.assertGreater(np.ptp([color[0] for color in gray]), 150)
        for scene in self.draw("binarized"):
            np.testing.assert_array_equal(scene["image"][..., 0], (scene["mask"] > 0) * 255)

    def test_covered_sprite_keeps_its_factors_and_is_invisible(self):
        hidden = 0
        for scene in self.draw("colored_on_grayscale", 1500):
            present = scene["objects"]["scale"] > 0
            pixels = np.bincount(scene["mask"].reshape(-1), minlength=6)[1:6]
            np.testing.assert_array_equal(scene["visibility"][1:], pixels > 0)
            hidden += int((present & (pixels == 0)).sum())
        self.assertGreater(hidden, 0)

    def test_areas_of_the_unit_shapes(self):
        u, v = np.meshgrid(*[np.linspace(-1.2, 1.2, 601)] * 2)
        areas = [multi_dsprites.inside_shape(code, u, v).mean() * 2.4 ** 2 for code in (1, 2, 3)]
        np.testing.assert_allclose(areas[:2], [1.44 ** 2, np.pi * 0.56], rtol=0.01)
        self.assertAlmostEqual(areas[2], 3.66197 / 1.25 ** 2, delta=0.02)  # area of the heart curve, scaled
        for code in (1, 2, 3):
            inside = multi_dsprites.inside_shape(code, u, v)
            self.assertLess(np.abs(u[inside]).max(), 1.1)
            self.assertLess(np.hypot(u, v)[inside].max(), 1.1)

    def test_scale_sets_the_size_and_x_points_right(self):
        window, inside = multi_dsprites._rasterise(2, 1.0, 0.0, 1.0, 0.0)
        mask = np.zeros((64, 64), bool)
        mask[window] = inside
        rows, columns = np.nonzero(mask)
        np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], [52.0, 12.0], atol=0.1)
        self.assertAlmostEqual(mask.sum(), np.pi * 0.56 * 11.5 ** 2, delta=8)


if __name__ == "__main__":
    unittest.main()
