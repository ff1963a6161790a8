"""Textures: the hash, the noises against their definitions, the families, and the table, whose values are fixed."""

import hashlib
import itertools
import unittest

import numpy as np

from tfobj.data.scenes.textures import noise
from tfobj.data.scenes.textures import patterns
from tfobj.data.scenes.textures import table
from tfobj.data.scenes.textures import unseen_patterns
from tfobj.data.scenes.textures import waves
from tfobj.data.scenes.textures.material import PATTERNS
from tfobj.data.scenes.textures.material import TextureMaterial

# SHA-256, first 12 digits, of what the five materials of a family show at `fixed_points`: no bit may change within a
# version of the table.
COLORS = {
    "checker": "6947d378e1a9", "stripes": "382d67c9f62f", "marble": "6c01d98cbeb7", "wood": "9770dfc18e05",
    "clouds": "3d0583fbfe81", "speckle": "e5fcd4848c93", "dots": "c2c40cebe52e", "brick": "f4e6d1c4d59c",
    "tiles": "61688ddaf9ae", "cells": "0ba1c231ed88", "cracks": "ee55cb8ec740", "weave": "5564378501b9",
    "zigzag": "f608f06890f7", "rings": "408a682e0715", "camouflage": "51225d7dad87", "grain": "a0bc966e874e",
    "swirls": "73022a026b1a", "grass": "748e30de4cb3",
}
ROWS = "a4bf3c4725dd"  # of the text of all rows


def random_points(count, extent, seed=0):
    return np.random.default_rng(seed).uniform(-extent, extent, (3, count)).astype(np.float32)


def fixed_points(count=3000):
    """float64 [M,3] that fill [-2,2]^3 evenly, without a random generator."""
    return np.arange(count)[:, None] * np.array([0.6180339887, 0.7548776662, 0.5698402910]) % 1.0 * 4.0 - 2.0


def digest(values):
    return hashlib.sha256(values).hexdigest()[:12]


class NoiseTest(unittest.TestCase):

    def test_hash_is_fixed(self):
        cells = np.array([0, 1, -1, 123456], np.int32)
        bits = noise.hash_cells(cells, cells[::-1].copy(), np.int32([0]), 7)
        self.assertEqual(bits.dtype, np.uint32)
        np.testing.assert_array_equal(bits, [2596226100, 2312543605, 1208319199, 3137075176])
        self.assertAlmostEqual(noise.hash_unit(1, 2), 0.9484321034979075, delta=1e-12)
        self.assertNotEqual(noise.hash_unit(1, 2), noise.hash_unit(2, 1))

    def test_hash_bits_are_balanced_and_change_with_each_argument(self):
        grid = np.arange(-20, 20, dtype=np.int32)
        axes = grid[:, None, None], grid[:, None], grid
        bits = noise.hash_cells(*axes, 3)
        others = [noise.hash_cells(axes[0] + np.int32(1), *axes[1:], 3),
                  noise.hash_cells(axes[0], axes[1] + np.int32(1), axes[2], 3),
                  noise.hash_cells(*axes[:2], axes[2] + np.int32(1), 3), noise.hash_cells(*axes, 4)]
        for bit in range(32):
            shares = [((values >> np.uint32(bit)) & np.uint32(1)).mean()
                      for values in (bits, *(bits ^ other for other in others))]
            np.testing.assert_allclose(shares, 0.5, atol=0.01)

    def test_lattice_noise_is_smooth_and_zero_on_the_lattice(self):
        lattice = np.float32(list(itertools.product(range(-3, 3), repeat=3))).T
        np.testing.assert_array_equal(noise.lattice_noise(lattice, 5), 0.0)
        points = random_points(20_000, 6.0)
        values = noise.lattice_noise(points, 5)
        self.assertAlmostEqual(values.mean(), 0.0, delta=0.02)
        self.assertAlmostEqual(values.std(), 0.34, delta=0.03)
        self.assertLess(np.abs(values).max(), 1.2)
        step = np.abs(noise.lattice_noise(points + np.float32(0.002), 5) - values)
        self.assertLess(step.max(), 0.02)  # also across the faces of cells: no jumps
        points[0] = np.round(points[0])
        across = noise.lattice_noise(points + np.float32([[1e-3], [0], [0]]), 5)
        across -= noise.lattice_noise(points - np.float32([[1e-3], [0], [0]]), 5)
        self.assertLess(np.abs(across).max(), 0.02)

    def test_fractal_noise_adds_finer_octaves(self):
        points = random_points(5_000, 6.0)
        np.testing.assert_array_equal(noise.fractal_noise(points, 2, octaves=1), noise.lattice_noise(points, 2))
        near = points + np.float32(0.02)
        slopes = [np.abs(noise.fractal_noise(near, 2, octaves) - noise.fractal_noise(points, 2, octaves)).mean()
                  for octaves in (1, 2, 3)]
        self.assertGreater(slopes[1], 1.2 * slopes[0])
        self.assertGreater(slopes[2], 1.1 * slopes[1])

    def test_worley_finds_the_two_nearest_of_all_feature_points(self):
        points = random_points(300, 3.0)
        cells = np.int32(list(itertools.product(range(-6, 6), repeat=3))).T
        bits = noise.hash_cells(*cells, 9)
        jitter = np.stack([(bits >> np.uint32(shift)) & np.uint32(1023) for shift in (0, 10, 20)]) / 1023.0
        features = cells + 0.05 + 0.9 * jitter  # [3,cells]
        distances = np.sqrt(((points[:, :, None] - features[:, None]) ** 2).sum(axis=0))
        nearest = np.sort(distances, axis=1)[:, :2].T
        np.testing.assert_allclose(noise.worley(points, 9)[0], nearest[0], atol=1e-5)
        # The second nearest may, rarely, lie two cells away; it is then found too far, never too near.
        excess = noise.worley(points, 9)[1] - nearest[1]
        self.assertGreater(excess.min(), -1e-5)
        self.assertGreater((excess < 1e-5).mean(), 0.97)

    def test_a_point_has_the_same_noise_alone_and_among_others(self):
        points = random_points(100, 5.0)
        for function in (noise.lattice_noise, noise.fractal_noise, lambda p, s: noise.worley(p, s)[1]):
            together = function(points, 1)
            alone = np.concatenate([function(points[:, k:k + 1], 1) for k in range(100)])
            np.testing.assert_array_equal(together, alone)


class WavesTest(unittest.TestCase):

    def test_wave_is_nearly_a_sine(self):
        t = np.linspace(-2.0, 2.0, 401).astype(np.float32)
        np.testing.assert_allclose(waves.wave(t), np.sin(2.0 * np.pi * t), atol=0.06)

    def test_triangle_square_and_parity(self):
        t = np.float32([-1.0, -0.75, 0.0, 0.25, 0.5, 0.75, 1.25])
        np.testing.assert_allclose(waves.triangle(t), [0, 0.5, 0, 0.5, 1, 0.5, 0.5], atol=1e-6)
        np.testing.assert_allclose(waves.square(t), [0.5, 1, 0.5, 1, 0.5, 0, 1], atol=1e-6)
        np.testing.assert_array_equal(waves.parity(np.float32([0, 1, -1, 2]), np.float32([0, 0, 0, 1])), [0, 1, 1, 1])


class PatternsTest(unittest.TestCase):

    def test_patterns_stay_in_range_and_use_most_of_it(self):
        for name, function in PATTERNS.items():
            share = function(random_points(20_000, 9.0), 3)
            self.assertEqual(share.dtype, np.float32, name)
            self.assertGreaterEqual(share.min(), 0.0, name)
            self.assertLessEqual(share.max(), 1.0, name)
            low, high = np.percentile(share, [3, 97])
            self.assertGreater(high - low, 0.6, name)

    def test_checker_counts_cells(self):
        points = random_points(5_000, 4.0)
        inside = np.abs(points - np.round(points)).min(axis=0) > 0.05  # away from the soft edges
        odd = np.floor(points).sum(axis=0) % 2
        np.testing.assert_allclose(patterns.checker(points, 0)[inside], odd[inside], atol=1e-6)

    def test_bricks_are_twice_as_long_as_tiles_and_shifted_from_row_to_row(self):
        x = np.arange(0.5, 7.5, 0.01, np.float32)

        def joints(function, row):
            points = np.stack([x, np.full_like(x, row + 0.5), np.full_like(x, 0.5)])
            dark = function(points, 1) < 0.1
            return x[1:][dark[1:] & ~dark[:-1]] + 0.05

        np.testing.assert_allclose(joints(patterns.tiles, 0), np.arange(1, 8), atol=0.03)
        np.testing.assert_allclose(joints(patterns.brick, 0), [2, 4, 6], atol=0.03)
        np.testing.assert_allclose(joints(patterns.brick, 1), [1, 3, 5, 7], atol=0.03)

    def test_camouflage_has_three_tones(self):
        share = unseen_patterns.camouflage(random_points(20_000, 9.0), 3)
        for tone in (0.0, 0.5, 1.0):
            self.assertGreater((np.abs(share - tone) < 1e-6).mean(), 0.2)


class TableTest(unittest.TestCase):

    def test_sixty_and_twenty_five_materials_of_different_families(self):
        self.assertEqual((len(table.STANDARD), len(table.UNSEEN)), (60, 25))
        standard, unseen = ({material.family for material in group} for group in (table.STANDARD, table.UNSEEN))
        self.assertEqual((len(standard), len(unseen), standard & unseen), (12, 5, set()))
        materials = (*table.STANDARD, *table.UNSEEN, table.GRASS)
        self.assertEqual(len({material.name for material in materials}), 86)
        for material in materials:
            self.assertTrue(1.4 <= material.scale <= 3.2)
            self.assertTrue(0.0 < material.specular <= 0.4)
            self.assertFalse(material.metal)

    def test_the_two_colours_of_a_material_differ_in_luminance(self):
        for material in (*table.STANDARD, *table.UNSEEN):
            first, second = np.array(material.colors) @ [0.299, 0.587, 0.114]
            self.assertGreaterEqual(abs(first - second), 0.22)

    def test_rows_are_those_of_this_version(self):
        self.assertEqual(table.VERSION, 1)
        rows = repr((table.STANDARD, table.UNSEEN, table.GRASS)).encode()
        self.assertEqual(digest(rows), ROWS)

    def test_colours_are_those_of_this_version(self):
        points, colors = fixed_points(), {}
        for material in (*table.STANDARD, *table.UNSEEN, table.GRASS):
            colors[material.family] = colors.get(material.family, b"") + material.albedo(points).tobytes()
        self.assertEqual({family: digest(values) for family, values in colors.items()}, COLORS)


class MaterialTest(unittest.TestCase):

    def test_albedo_mixes_the_two_colours(self):
        material = TextureMaterial("test", "checker", 0, ((1.0, 0.0, 0.5), (0.0, 0.25, 0.5)), 1.0, 0.1, 10)
        colors = material.albedo(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))  # the offset moves them to cell centres
        self.assertEqual(colors.dtype, np.float32)
        np.testing.assert_allclose(colors, [[1.0, 0.0, 0.5], [0.0, 0.25, 0.5]], atol=1e-6)
        self.assertEqual(material.albedo(np.zeros((0, 3))).shape, (0, 3))

    def test_albedo_does_not_depend_on_blocks_or_type(self):
        points = np.float32(fixed_points(10_000))
        material = table.STANDARD[10].placed(np.random.default_rng(0))
        whole = material.albedo(points)
        np.testing.assert_array_equal(whole[5_000:], material.albedo(points[5_000:].astype(np.float64)))

    def test_placed_moves_and_scales_the_pattern(self):
        material = table.STANDARD[12]
        rng = np.random.default_rng(0)
        first, second = material.placed(rng), material.placed(rng, 0.45)
        self.assertEqual(first.name, material.name)
        self.assertAlmostEqual(second.scale, 0.45 * material.scale)
        self.assertGreater(np.abs(first.albedo(fixed_points()) - material.albedo(fixed_points())).mean(), 0.02)
        points = fixed_points() / np.float32(second.scale)
        shifted = (points * second.scale + second.offset - np.array(material.offset)) / material.scale
        np.testing.assert_allclose(second.albedo(points), material.albedo(shifted), atol=2e-3)

    def test_no_plane_through_the_origin_or_face_of_the_unit_cube_runs_along_a_joint(self):
        rng = np.random.default_rng(0)
        for material in table.STANDARD:
            if material.family in ("brick", "tiles"):
                for scale in (1.0, 0.45, 0.25, 0.12):
                    placed = material.placed(rng, scale)
                    planes = np.array(placed.offset) + placed.scale * np.array([[0.0], [1.0], [-1.0]])
                    self.assertGreater(np.abs(planes - np.round(planes)).min(), 0.1)


if __name__ == "__main__":
    unittest.main()
