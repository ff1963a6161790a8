"""Multi-dSprites: shares, colours, occlusion, areas and places of the scenes."""

import colorsys
import hashlib
import unittest

import numpy as np

from tfobj.data.scenes import generation
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


class MultiDspritesSettingsTest(unittest.TestCase):

    def draw(self, number=30, **settings):
        rng = np.random.default_rng(4)
        return [MultiDspritesScenes(**settings).draw(rng) for _ in range(number)]

    def test_defaults_draw_the_scenes_of_the_first_release(self):
        expected = {"colored_on_grayscale": "d7ee6d830c7faa62", "binarized": "e39d981967a7b5b5",
                    "colored_on_colored": "c99ba8d928826784"}
        for variant, start in expected.items():
            digest, scenes = hashlib.sha256(), MultiDspritesScenes(variant)
            for index in range(20):
                scene = scenes.draw(generation.example_rng(0, "train", index))
                parts = [scene["image"], scene["mask"], scene["visibility"]]
                for array in parts + [scene["objects"][name] for name in sorted(scene["objects"])]:
                    digest.update(array.tobytes())
            self.assertEqual(digest.hexdigest()[:16], start, variant)

    def test_discrete_scale_has_six_equally_frequent_values(self):
        scenes = MultiDspritesScenes(discrete_scale=True)
        scales = scenes.sample_factors(np.random.default_rng(0), 12_000)["scale"]
        values, numbers = np.unique(scales, return_counts=True)
        np.testing.assert_allclose(values, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], atol=1e-12)
        np.testing.assert_allclose(numbers / scales.size, 1 / 6, atol=0.006)

    def test_five_color_levels(self):
        for scene in self.draw(variant="colored_on_colored", color_levels=5):
            self.assertLessEqual(set(np.unique(scene["image"])), {0, 63, 127, 191, 255})
        scenes = MultiDspritesScenes("colored_on_colored", color_levels=5)
        factors = scenes.sample_factors(np.random.default_rng(0), 9000)
        for name in ("color", "background"):
            numbers = np.unique(palette.to_uint8(factors[name]), return_counts=True)[1]
            np.testing.assert_allclose(numbers / factors[name].size, 1 / 5, atol=0.01)

    def test_distinct_colors_never_repeat(self):
        for levels, repeated in ((2, 0.795), (0, 0.0)):  # five of 8 colours differ in 7/8 * 6/8 * 5/8 * 4/8
            shares = []
            for distinct in (False, True):
                scenes = MultiDspritesScenes("colored_on_colored", color_levels=levels, distinct_colors=distinct)
                factors = scenes.sample_factors(np.random.default_rng(0), 3000)
                colors = np.concatenate([factors["background"][:, None], factors["color"]], axis=1)
                shares.append(np.mean([len(np.unique(palette.to_uint8(entities), axis=0)) < 5 for entities in colors]))
            self.assertAlmostEqual(shares[0], repeated, delta=0.03)
            self.assertEqual(shares[1], 0.0)

    def test_antialiasing_softens_edges_and_keeps_the_rest(self):
        for hard, soft in zip(self.draw(), self.draw(antialias=2)):
            np.testing.assert_array_equal(hard["objects"]["x"], soft["objects"]["x"])
            changed = (hard["image"] != soft["image"]).any(axis=-1)
            padded = np.pad(hard["mask"], 1, mode="edge")
            neighbours = [padded[1 + down:65 + down, 1 + right:65 + right]
                          for down in (-1, 0, 1) for right in (-1, 0, 1)]
            edge = (np.ptp(neighbours, axis=0) > 0)
            self.assertGreater(changed.sum(), 0)
            self.assertTrue(edge[changed | (hard["mask"] != soft["mask"])].all())

    def test_antialiased_pixel_is_the_average_of_its_samples(self):
        scene = MultiDspritesScenes("binarized", antialias=4).draw(np.random.default_rng(0))
        wanted = np.zeros((256, 256), bool)
        objects = scene["objects"]
        for index in range(int(scene["visibility"].sum()) - 1):
            down, right = (12.0 + 40.0 * np.float64(objects[name][index]) for name in ("y", "x"))
            u, v = np.meshgrid((np.arange(256) + 0.5) / 4 - right, (np.arange(256) + 0.5) / 4 - down)
            radius = 11.5 * objects["scale"][index]
            cosine, sine = np.cos(objects["orientation"][index]), np.sin(objects["orientation"][index])
            wanted |= multi_dsprites.inside_shape(objects["shape"][index], (u * cosine + v * sine) / radius,
                                                  (v * cosine - u * sine) / radius)
        expected = wanted.reshape(64, 4, 64, 4).mean(axis=(1, 3)) * 255
        # The stored factors are rounded to float32, which may move a few samples across an edge.
        self.assertLess(np.mean(np.abs(scene["image"][..., 0] - expected) > 0.51), 0.002)

    def test_antialiased_mask_is_that_of_one_sample_next_to_the_middle(self):
        for samples, place in ((2, 1), (3, 1), (4, 2)):
            for index, scene in enumerate(self.draw(5, antialias=samples)):
                objects, ids = scene["objects"], np.zeros((64 * samples, 64 * samples), np.uint8)
                for row in range(int((objects["scale"] > 0).sum())):
                    pose = (float(objects[name][row]) for name in ("x", "y", "scale", "orientation"))
                    window, inside = multi_dsprites._rasterise(objects["shape"][row], *pose, samples)
                    ids[window][inside] = row + 1
                # The stored factors are rounded to float32, which may move a sample across an edge.
                wrong = [(scene["mask"] != ids[down::samples, right::samples]).sum()
                         for down in range(samples) for right in range(samples)]
                self.assertLessEqual(wrong.pop(samples * place + place), 1)
                self.assertGreater(min(wrong), 1, (samples, index))

    def test_settings_that_a_variant_cannot_have_are_refused(self):
        for settings in ({"antialias": 0}, {"color_levels": 5}, {"variant": "colored_on_colored", "color_levels": 1},
                         {"variant": "binarized", "distinct_colors": True}):
            with self.assertRaises(ValueError):
                MultiDspritesScenes(**settings)


if __name__ == "__main__":
    unittest.main()
