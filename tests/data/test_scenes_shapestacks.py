"""ShapeStacks: towers that stand or fall, colours, cameras, and masks."""

import hashlib
import itertools
import math
import unittest
from unittest import mock

import numpy as np

from tfobj.data.scenes import generation
from tfobj.data.scenes import shapestacks
from tfobj.data.scenes import towers
from tfobj.data.scenes.shapestacks import ShapestacksScenes


class TowersTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        rng = np.random.default_rng(0)
        cls.stable = [towers.sample_tower(rng) for _ in range(3000)]
        cls.unstable = [towers.sample_tower(rng, unstable=True) for _ in range(600)]

    def test_heights_are_uniform(self):
        counts = np.bincount([len(tower.shapes) for tower in self.stable], minlength=8)
        np.testing.assert_allclose(counts / len(self.stable), [0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0], atol=0.03)

    def test_only_the_top_block_may_lie_or_be_round(self):
        lower = np.concatenate([tower.shapes[:-1] for tower in self.stable])
        top = np.array([tower.shapes[-1] for tower in self.stable])
        np.testing.assert_allclose(np.bincount(lower, minlength=5) / len(lower), [0, 0.5, 0.5, 0, 0], atol=0.025)
        np.testing.assert_allclose(np.bincount(top, minlength=5) / len(top), [0, 0.25, 0.25, 0.25, 0.25], atol=0.035)

    def test_sizes_are_uniform_and_round_blocks_are_round(self):
        shapes = np.concatenate([tower.shapes for tower in self.stable])
        sizes = np.concatenate([tower.sizes for tower in self.stable])
        np.testing.assert_allclose(np.quantile(sizes, [0, 0.25, 0.5, 0.75, 1]), [0.5, 0.625, 0.75, 0.875, 1], atol=0.02)
        equal = {towers.CYLINDER: (0, 1), towers.LYING_CYLINDER: (1, 2), towers.SPHERE: (0, 1)}
        for shape, (first, second) in equal.items():
            np.testing.assert_array_equal(sizes[shapes == shape, first], sizes[shapes == shape, second])
        np.testing.assert_array_equal(sizes[shapes == towers.SPHERE, 0], sizes[shapes == towers.SPHERE, 2])

    def test_blocks_rest_on_each_other(self):
        for tower in self.stable + self.unstable:
            bottom, top = (tower.positions[:, 2] + sign * tower.sizes[:, 2] / 2 for sign in (-1, 1))
            np.testing.assert_allclose(bottom, [0.0, *top[:-1]], atol=1e-12)

    def test_offsets_of_stable_towers(self):
        shares = []
        for tower in self.stable:
            steps = np.hypot(*np.diff(tower.positions[:, :2], axis=0).T)
            shares.extend(steps / (tower.sizes[:-1, :2].min(axis=1) / 2))
        quartiles = np.quantile(shares, [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(quartiles, [0, 0.125, 0.25, 0.375, 0.5], atol=0.01)

    def test_balance(self):
        shapes, sizes = np.full(3, towers.CUBOID), np.ones((3, 3))
        for second, third, stands in ((0.3, 0.3, True), (0.3, 0.6, True), (0.3, 0.75, False), (0.0, 0.6, False),
                                      (0.49, 0.49, True), (0.4, 0.1, True)):
            centers = np.array([[0.0, 0.0], [0.0, second], [0.0, third]])
            self.assertEqual(towers.stands(shapes, sizes, centers), stands, (second, third))
        ball = np.array([towers.CUBOID, towers.SPHERE])
        self.assertTrue(towers.stands(ball, sizes[:2], np.array([[0.0, 0.0], [0.3, 0.3]])))

    def test_blocks_weigh_as_much_as_their_volumes(self):
        # Blocks at 0 and 1 in equal boxes: their centre of mass is at the share of the weight that the second one has.
        volumes = {towers.CUBOID: 1.0, towers.CYLINDER: math.pi * 0.5 ** 2, towers.LYING_CYLINDER: math.pi * 0.5 ** 2,
                   towers.SPHERE: 4.0 / 3.0 * math.pi * 0.5 ** 3}
        self.assertEqual(set(volumes), set(range(1, len(towers.SHAPES))))
        sizes, centers = np.ones((2, 3)), np.array([[0.0, 0.0], [1.0, 0.0]])
        for shape, volume in volumes.items():
            for scale in (1.0, 0.6):
                sizes[1] = scale
                found = towers.centers_of_mass(np.array([towers.CUBOID, shape]), sizes, centers)
                weight = volume * scale ** 3
                np.testing.assert_allclose(found, [[weight / (1.0 + weight), 0.0], [1.0, 0.0]], atol=1e-12)

    def test_balance_depends_on_what_the_blocks_weigh(self):
        # On a cube of width 1 a second one reaches out by 0.3 and a third block by 0.3 more: the weight acts at
        # 0.3 + 0.3 w / (1 + w), 0.45 under a cube (w 1), 0.432 under a cylinder, 0.403 under a ball.
        centers, sizes = np.array([[0.0, 0.0], [0.3, 0.0], [0.6, 0.0]]), np.ones((3, 3))
        for width, standing in ((0.92, {towers.CUBOID, towers.CYLINDER}), (0.88, {towers.CYLINDER}), (0.82, set())):
            sizes[0, :2] = width
            found = {shape for shape in (towers.CUBOID, towers.CYLINDER)
                     if towers.stands(np.array([towers.CUBOID, towers.CUBOID, shape]), sizes, centers)}
            self.assertEqual(found, standing, width)

    def test_unstable_towers_fall_at_one_interface(self):
        places = []
        for tower in self.unstable:
            steps = np.diff(tower.positions[:, :2], axis=0)
            angles = np.arctan2(steps[:, 1], steps[:, 0])
            reaches = np.array([towers.reach(*block) for block in zip(tower.shapes, tower.sizes, tower.yaws, angles)])
            beyond = np.hypot(*steps.T) - reaches
            below, = np.flatnonzero(beyond > 0)
            self.assertAlmostEqual(beyond[below], 0.05)
            self.assertTrue(towers.falls(tower, below))
            self.assertFalse(towers.stands(tower.shapes, tower.sizes, tower.positions[:, :2]))
            places.append(below)
        self.assertEqual(set(places), {0, 1, 2, 3, 4})

    def test_reach_of_a_turned_cuboid(self):
        size, yaw = np.array([0.6, 1.0, 0.7]), 0.4
        for angle, expected in ((0.0, 0.3), (math.pi / 2, 0.5), (math.atan2(0.5, 0.3), math.hypot(0.3, 0.5))):
            self.assertAlmostEqual(towers.reach(towers.CUBOID, size, yaw, yaw + angle), expected)
        self.assertAlmostEqual(towers.reach(towers.CYLINDER, np.array([0.8, 0.8, 0.7]), yaw, 1.0), 0.4)


class ShapestacksScenesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scenes = [ShapestacksScenes(unstable).draw(generation.example_rng(1, "test", index))
                      for unstable in (False, True) for index in range(60)]

    def test_shapes_types_and_flag(self):
        for index, scene in enumerate(self.scenes):
            self.assertEqual((scene["image"].shape, scene["image"].dtype), ((64, 64, 3), np.uint8))
            self.assertEqual((scene["mask"].shape, scene["mask"].dtype), ((64, 64), np.uint8))
            shapes = {name: values.shape for name, values in scene["objects"].items()}
            self.assertEqual(shapes, {"shape": (6,), "color": (6,), "size": (6, 3), "position": (6, 3)})
            self.assertIs(scene["stable"], index < 60)

    def test_objects_are_numbered_from_the_floor_up(self):
        for scene in self.scenes:
            number = int((scene["objects"]["shape"] > 0).sum())
            self.assertTrue((np.diff(scene["objects"]["position"][:number, 2]) > 0).all())
            self.assertLessEqual(scene["mask"].max(), number)
            rows = [np.nonzero(scene["mask"] == index + 1)[0] for index in range(number)]
            means = [row.mean() for row in rows if len(row)]
            self.assertTrue((np.diff(means) < 0).all())

    def test_bodies_have_the_sizes_of_their_blocks(self):
        rng, codes = np.random.default_rng(2), set()
        for _ in range(40):
            tower = towers.sample_tower(rng)
            for index, body in enumerate(shapestacks._bodies(tower, np.ones(6, int))):
                cosine, sine = math.cos(tower.yaws[index]), math.sin(tower.yaws[index])
                axes = ((cosine, sine, 0.0), (-sine, cosine, 0.0), (0.0, 0.0, 1.0))
                np.testing.assert_allclose([body.support(axis) for axis in axes], tower.sizes[index] / 2)
                np.testing.assert_allclose(body.position, tower.positions[index])
                codes.add(int(tower.shapes[index]))
        self.assertEqual(codes, {1, 2, 3, 4})

    def test_one_of_the_sixteen_cameras_saw_the_tower(self):
        self.assertEqual(len({camera.position for camera in shapestacks.CAMERAS}), 16)
        used = set()
        for scene in self.scenes:
            matching = [index for index, camera in enumerate(shapestacks.CAMERAS) if self.explains(camera, scene)]
            self.assertTrue(matching)
            used.update(matching[:1] if len(matching) == 1 else [])
        self.assertGreater(len(used), 8)

    def explains(self, camera, scene):
        """Whether the middle of every visible block is on the block or on one in front of it."""
        visible = np.flatnonzero(scene["visibility"][1:])
        for column, row, _ in camera.project(scene["objects"]["position"][visible], (64, 64)):
            if 0 <= column < 64 and 0 <= row < 64 and scene["mask"][int(row), int(column)] == 0:
                return False
        places = camera.project(scene["objects"]["position"][visible], (64, 64))
        for index, place in zip(visible, places):
            rows, columns = np.nonzero(scene["mask"] == index + 1)
            if not (columns.min() - 6 < place[0] < columns.max() + 7 and rows.min() - 6 < place[1] < rows.max() + 7):
                return False
        return True

    def test_lamps_hang_above_the_middle_and_the_four_corners(self):
        with mock.patch.object(shapestacks.raycast, "render", wraps=shapestacks.raycast.render) as render:
            for index in range(60):
                ShapestacksScenes().draw(generation.example_rng(2, "test", index))
        used = [call.args[0].lights for call in render.call_args_list]
        self.assertEqual({lights[0].position for lights in used},
                         {(0.0, 0.0, 20.0), *((9.0 * x, 9.0 * y, 20.0) for x in (-1, 1) for y in (-1, 1))})
        for call, (_, headlight) in zip(render.call_args_list, used, strict=True):
            self.assertEqual((headlight.position, headlight.shadow), (call.args[1].position, False))

    def test_cameras_look_inwards_with_the_crop_of_the_papers(self):
        self.assertAlmostEqual(shapestacks.FIELD_OF_VIEW, 39.85, delta=0.02)
        for camera in shapestacks.CAMERAS:
            x, y, z = camera.position
            elevation = -45.0 if z == 9.0 else -15.0
            self.assertAlmostEqual(math.degrees(math.asin(camera.forward[2])), elevation)
            ahead = -np.array(camera.forward[:2]) * np.sign([x, y]) / math.cos(math.radians(elevation))
            expected = [math.sqrt(0.5)] * 2 if abs(x) == abs(y) else [math.cos(math.radians(15)),
                                                                       math.sin(math.radians(15))]
            np.testing.assert_allclose(ahead, expected if abs(x) >= abs(y) else expected[::-1], atol=1e-9)
        places = {tuple(np.abs(camera.position)) for camera in shapestacks.CAMERAS}
        self.assertEqual(places, {(7, 7, 5), (9, 2, 5), (2, 9, 5), (5, 5, 9)})

    def test_share_of_towers_with_different_colors(self):
        rng, shares = np.random.default_rng(0), []
        for number in range(2, 7):
            drawn = [shapestacks.sample_colors(rng, number) for _ in range(1500)]
            shares.append(np.mean([len(set(colors.tolist())) == number for colors in drawn]))
            self.assertEqual(set(itertools.chain(*[colors.tolist() for colors in drawn])), set(range(1, 7)))
        independent = [math.perm(6, number) / 6 ** number for number in range(2, 7)]
        np.testing.assert_allclose(shares, 0.5 + 0.5 * np.array(independent), atol=0.04)

    def test_blocks_have_the_hue_of_their_class(self):
        checked = 0
        for scene in self.scenes:
            for index, color in enumerate(scene["objects"]["color"]):
                padded = np.pad(scene["mask"] == index + 1, 1)
                inside = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).all(axis=(2, 3))
                if inside.any():
                    pure = np.array(shapestacks.RGB[color]) > 0
                    self.assertTrue((scene["image"][inside][:, pure] > 40).all())
                    self.assertTrue((scene["image"][inside][:, ~pure] == 0).all())
                    checked += 1
        self.assertGreater(checked, 200)

    def test_towers_are_in_the_frame(self):
        visible = np.mean([scene["visibility"][1:].sum() / (scene["objects"]["shape"] > 0).sum()
                           for scene in self.scenes])
        self.assertGreater(visible, 0.98)
        touching = np.mean([np.concatenate([mask[[0, -1]].reshape(-1), mask[:, [0, -1]].reshape(-1)]).any()
                            for mask in (scene["mask"] for scene in self.scenes)])
        self.assertLess(touching, 0.2)

    def test_golden_example(self):
        scene = ShapestacksScenes().draw(generation.example_rng(0, "train", 0))
        digest = hashlib.sha256()
        self.assertEqual(set(scene["objects"]), {"shape", "color", "size", "position"})
        for array in (scene["mask"], *(scene["objects"][name] for name in sorted(scene["objects"]))):
            digest.update(array.tobytes())
        self.assertEqual(digest.hexdigest()[:16], "d12260972045d3ea")
        coarse = scene["image"][4::16, 4::16].astype(int)
        np.testing.assert_allclose(coarse.reshape(-1), [
            38, 111, 111, 61, 131, 89, 80, 161, 93, 37, 126, 107, 93, 179, 99, 147, 0, 147, 68,
            135, 103, 86, 166, 101, 98, 182, 107, 87, 160, 113, 78, 145, 113, 107, 194, 113, 60,
            119, 104, 111, 195, 122, 85, 153, 119, 113, 202, 118], atol=1)


if __name__ == "__main__":
    unittest.main()
