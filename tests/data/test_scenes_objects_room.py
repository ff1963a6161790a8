"""Objects Room: counts, visible objects, entity planes, places and colours."""

import hashlib
import math
import unittest

import numpy as np

from tfobj.data.scenes import generation
from tfobj.data.scenes import objects_room
from tfobj.data.scenes import palette
from tfobj.data.scenes import raycast
from tfobj.data.scenes.objects_room import ObjectsRoomScenes

NUMBER = 20
OBJECT = 255


def pixels_of(scene):
    """Pixels of every object of a scene, int [max_objects]."""
    return np.bincount(scene["mask"].reshape(-1), minlength=256)[1:len(scene["visibility"])]


class ObjectsRoomScenesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scenes = {variant: [ObjectsRoomScenes(variant).draw(generation.example_rng(1, "test", index))
                                for index in range(NUMBER)] for variant in objects_room.VARIANTS}

    def each(self):
        return [(variant, scene) for variant, scenes in self.scenes.items() for scene in scenes]

    def test_counts_and_visible_objects_of_the_variants(self):
        counts = {variant: {int((scene["objects"]["size"] > 0).sum()) for scene in scenes}
                  for variant, scenes in self.scenes.items()}
        self.assertEqual(counts, {"train": {3}, "empty_room": {0}, "six_objects": {6}, "identical_color": {4, 5, 6}})
        for variant, scene in self.each():
            pixels, present = pixels_of(scene), int((scene["objects"]["size"] > 0).sum())
            needed = {"train": 1, "empty_room": 0}.get(variant, present)
            self.assertGreaterEqual((pixels >= 20).sum(), needed)
            np.testing.assert_array_equal(scene["visibility"], [True, *(pixels > 0)])
            self.assertLessEqual(scene["mask"].max(), present)

    def test_shapes_and_types(self):
        for variant, scene in self.each():
            number = ObjectsRoomScenes(variant).max_objects
            self.assertEqual((scene["image"].shape, scene["image"].dtype), ((64, 64, 3), np.uint8))
            for name in ("mask", "background"):
                self.assertEqual((scene[name].shape, scene[name].dtype), ((64, 64), np.uint8))
            shapes = {name: values.shape for name, values in scene["objects"].items()}
            self.assertEqual(shapes, {"shape": (number,), "size": (number,), "color": (number, 3),
                                      "position": (number, 3)})

    def test_mask_and_background_are_planes_of_one_picture(self):
        for _, scene in self.each():
            np.testing.assert_array_equal(scene["background"] == OBJECT, scene["mask"] > 0)
            self.assertLessEqual(set(np.unique(scene["background"])), {0, 1, 2, 3, OBJECT})

    def test_planes_are_where_sky_floor_and_walls_are(self):
        for scene in self.scenes["empty_room"]:
            background, columns = scene["background"], np.arange(64)
            rows = [np.nonzero(background == plane)[0] for plane in range(4)]
            wall_rows = np.concatenate(rows[2:])
            for upper, lower in ((rows[0], wall_rows), (wall_rows, rows[1])):
                if len(upper) and len(lower):
                    self.assertLess(upper.mean(), lower.mean())
            self.assertTrue(len(rows[2]))
            if len(rows[3]):
                left, right = ((background == plane).any(axis=0) for plane in (2, 3))
                self.assertLess(columns[left].mean(), columns[right].mean())
                self.assertTrue(left[0] and right[63])
            sky = scene["image"][background == 0].astype(int)
            self.assertTrue((sky[:, 2] >= sky[:, 0]).all())

    def test_share_of_views_with_one_wall(self):
        rng = np.random.default_rng(0)
        world, _ = objects_room.sample_world(rng, 0)
        walls, sky = [], []
        for _ in range(500):
            camera = objects_room.ring_camera(rng.uniform(0, 2 * np.pi), rng.uniform(objects_room.MIN_PITCH,
                                                                                    objects_room.MAX_PITCH))
            ids = np.unique(raycast.render_ids(world, camera, 32))
            sky.append(ids[0] == objects_room._SKY_ID)
            walls.append((ids >= objects_room._WALL_ID).sum())
        self.assertEqual(set(walls), {1, 2})
        self.assertAlmostEqual(np.mean(np.equal(walls, 1)), 0.107, delta=0.04)
        self.assertAlmostEqual(np.mean(sky), 0.865, delta=0.05)

    def test_objects_appear_where_their_positions_say(self):
        rng, seen = np.random.default_rng(2), 0
        for _ in range(12):
            world, factors = objects_room.sample_world(rng, 6)
            camera = objects_room.ring_camera(rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.1))
            _, mask, _ = objects_room.render_room(world, camera)
            column, row, depth = np.moveaxis(camera.project(factors["position"], (64, 64)), -1, 0)
            for index in np.flatnonzero((depth > 0) & (column > 0) & (column < 64) & (row > 0) & (row < 64)):
                front = mask[int(row[index]), int(column[index])]
                self.assertGreater(front, 0)  # the middle is inside the object, so it or something nearer is there
                self.assertLess(depth[front - 1], depth[index] + 0.75)
                seen += front == index + 1
        self.assertGreater(seen, 15)

    def test_camera_faces_the_axis_and_pitches_upwards(self):
        for azimuth, pitch in ((0.3, 0.0), (2.0, -0.3), (4.0, 0.2)):
            camera = objects_room.ring_camera(azimuth, pitch)
            np.testing.assert_allclose(camera.position, [3.6 * math.cos(azimuth), 3.6 * math.sin(azimuth), 1.25])
            axis = [0.0, 0.0, 1.25 + 3.6 * math.tan(pitch)]
            np.testing.assert_allclose(camera.project(np.array(axis), (64, 64)), [32, 32, 3.6 / math.cos(pitch)])

    def test_discs_do_not_intersect_and_radii_stay_uniform(self):
        rng, radii = np.random.default_rng(3), []
        for _ in range(300):
            sizes, centers = objects_room.sample_discs(rng, 6)
            gaps = np.hypot(*np.moveaxis(centers[:, None] - centers, -1, 0)) - sizes[:, None] - sizes
            self.assertGreaterEqual(gaps[np.triu_indices(6, 1)].min(), -1e-12)
            self.assertLessEqual(np.abs(centers).max(), 1.9)
            radii.append(sizes)
        quartiles = np.quantile(radii, [0.0, 0.25, 0.5, 0.75, 1.0])
        np.testing.assert_allclose(quartiles, [0.35, 0.45, 0.55, 0.65, 0.75], atol=0.02)

    def test_bodies_stand_on_the_floor_within_their_discs(self):
        rng, codes = np.random.default_rng(4), set()
        for _ in range(10):
            world, factors = objects_room.sample_world(rng, 6)
            for body, code, radius in zip(world.bodies, factors["shape"], factors["size"]):
                self.assertAlmostEqual(body.position[2], body.support((0.0, 0.0, -1.0)))
                for angle in np.linspace(0, 2 * np.pi, 16):
                    self.assertLessEqual(body.support((math.cos(angle), math.sin(angle), 0.0)), radius + 1e-6)
                codes.add(int(code))
        self.assertEqual(codes, {1, 2, 3, 4, 5})

    def test_colors_have_ten_hues(self):
        colors = objects_room.sample_colors(np.random.default_rng(5), 4000)
        value, low = colors.max(axis=1), colors.min(axis=1)
        np.testing.assert_allclose([value.min(), value.max()], [0.75, 1.0], atol=0.005)
        saturation = 1.0 - low / value
        np.testing.assert_allclose([saturation.min(), saturation.max()], [0.7, 1.0], atol=0.005)
        pure = (colors - low[:, None]) / (value - low)[:, None]
        distance = np.abs(pure[:, None] - palette.hue_to_rgb(np.arange(10) / 10)).max(axis=-1)  # [4000,10]
        np.testing.assert_allclose(distance.min(axis=1), 0.0, atol=1e-9)
        np.testing.assert_allclose(np.bincount(distance.argmin(axis=1)) / 4000, 0.1, atol=0.02)

    def test_identical_color_and_others(self):
        def colors_of(scene):
            return {tuple(color) for color in scene["objects"]["color"].tolist() if max(color) > 0}
        self.assertEqual({len(colors_of(scene)) for scene in self.scenes["identical_color"]}, {1})
        self.assertEqual({len(colors_of(scene)) for scene in self.scenes["six_objects"]}, {6})

    def test_golden_example(self):
        scene = ObjectsRoomScenes().draw(generation.example_rng(0, "train", 0))
        digest = hashlib.sha256()
        self.assertEqual(set(scene["objects"]), {"shape", "size", "color", "position"})
        factors = (scene["objects"][name] for name in sorted(scene["objects"]))
        for array in (scene["mask"], scene["background"], *factors):
            digest.update(array.tobytes())
        self.assertEqual(digest.hexdigest()[:16], "9d57b6922f7eca53")
        coarse = scene["image"][4::16, 4::16].astype(int)
        np.testing.assert_allclose(coarse.reshape(-1), [
            57, 113, 197, 55, 110, 192, 51, 102, 177, 55, 109, 191, 220, 74, 255, 219, 74, 255,
            143, 48, 166, 157, 41, 186, 80, 27, 94, 75, 25, 88, 67, 23, 78, 172, 45, 204, 79,
            27, 92, 75, 25, 87, 67, 22, 78, 172, 45, 204], atol=1)


if __name__ == "__main__":
    unittest.main()
