"""The ray caster: places against projections, colours against closed forms, shadows against exhaustive search."""

import math
import unittest
from unittest import mock

import numpy as np

from tests.data.raycast_worlds import crowd
from tests.data.raycast_worlds import SHAPES
from tests.data.raycast_worlds import TILT
from tests.data.raycast_worlds import WHITE
from tfobj.data.scenes import clevrtex
from tfobj.data.scenes import generation
from tfobj.data.scenes import raycast
from tfobj.data.scenes import shapestacks
from tfobj.data.scenes.raycast import mirrors
from tfobj.data.scenes.raycast import shadows
from tfobj.data.scenes.raycast import vectors

CAMERA = raycast.Camera.look_at((6, -6, 4), (0, 0, 0.5), vertical_fov=45)
ABOVE = raycast.Camera.look_at((0, 0, 10), (0, 0, 0), vertical_fov=40, up=(0, 1, 0))


class CameraTest(unittest.TestCase):

    def test_target_is_in_the_centre_and_x_and_y_point_right_and_down(self):
        camera = raycast.Camera.look_at((0, -5, 0), (0, 0, 0), horizontal_fov=90, aspect=2)
        places = camera.project([(0, 0, 0), (5, 0, 0), (0, 0, 2.5), (0, 5, 0)], (100, 200))
        np.testing.assert_allclose(places, [(100, 50, 5), (200, 50, 5), (100, 0, 5), (100, 50, 10)], atol=1e-12)

    def test_vertical_and_horizontal_field_of_view_agree(self):
        # 49.13 and 37.85 degrees are the two of CLEVR's 4:3 frame.
        horizontal = raycast.Camera.look_at((1, 2, 3), (0, 0, 0), horizontal_fov=49.13, aspect=4 / 3)
        vertical = raycast.Camera.look_at((1, 2, 3), (0, 0, 0), vertical_fov=37.85, aspect=4 / 3)
        np.testing.assert_allclose(horizontal.bounds, vertical.bounds, rtol=2e-4)
        with self.assertRaisesRegex(ValueError, "either"):
            raycast.Camera.look_at((1, 2, 3), (0, 0, 0))

    def test_points_on_a_ray_project_to_its_pixel(self):
        rays = CAMERA.rays((6, 8), samples=2)
        points = np.array(CAMERA.position) + 3.5 * rays
        places = CAMERA.project(points, (6, 8))
        np.testing.assert_allclose(places[..., 0], np.broadcast_to((np.arange(16) + 0.5) / 2, (12, 16)), atol=1e-9)
        np.testing.assert_allclose(places[..., 1].T, np.broadcast_to((np.arange(12) + 0.5) / 2, (16, 12)), atol=1e-9)
        np.testing.assert_allclose(places[..., 2], 3.5, atol=1e-9)

    def test_a_crop_shows_the_window_of_the_frame(self):
        world = crowd(np.random.default_rng(0))
        frame = raycast.render_ids(world, CAMERA, (60, 80))
        window = raycast.render_ids(world, CAMERA.crop((7, 55), (16, 64), (60, 80)), 48)
        np.testing.assert_array_equal(window, frame[7:55, 16:64])


class IdsTest(unittest.TestCase):

    def test_area_of_a_ball(self):
        camera = raycast.Camera.look_at((0, 0, 5), (0, 0, 0), vertical_fov=60, up=(0, 1, 0))
        world = raycast.World((raycast.Body(raycast.Sphere(), (0, 0, 0), 1, WHITE, 7),), (), ())
        ids = raycast.render_ids(world, camera, 200)
        focal = 100.0 / math.tan(math.radians(30.0))
        self.assertAlmostEqual((ids == 7).sum(), math.pi * focal ** 2 / (5.0 ** 2 - 1.0), delta=40)
        self.assertEqual((ids[100, 100], ids[0, 0]), (7, 0))

    def test_id_maps_of_both_functions_agree_and_take_the_central_sub_pixel(self):
        world = crowd(np.random.default_rng(1))
        for samples in (1, 2, 3):
            image, ids = raycast.render(world, CAMERA, (24, 32), samples)
            self.assertEqual((image.shape, image.dtype, ids.dtype), ((24, 32, 3), np.uint8, np.uint8))
            np.testing.assert_array_equal(ids, raycast.render_ids(world, CAMERA, (24, 32), samples))
            fine = raycast.render_ids(world, CAMERA, (24 * samples, 32 * samples))
            np.testing.assert_array_equal(ids, fine[samples // 2::samples, samples // 2::samples])
        self.assertEqual(set(np.unique(ids)) - set(range(1, 9)), {20, 21, 22})

    def test_nearer_bodies_cover_and_walls_end(self):
        far, near = (raycast.Body(raycast.Box(), (0, y, 0), 1, WHITE, index) for index, y in ((1, 3), (2, 0)))
        wall = raycast.Plane((0, 6, 0), (0, -1, 0), WHITE, 3, half_extents=(2, 1.5))
        camera = raycast.Camera.look_at((0, -9, 0), (0, 0, 0), vertical_fov=40)
        for bodies in ((far, near), (near, far)):
            ids = raycast.render_ids(raycast.World(bodies, (wall,), (), background_id=9), camera, 100)
            self.assertEqual((ids == 1).sum(), 0)
            self.assertEqual((ids[50, 50], ids[50, 2]), (2, 9))
        tangent = math.tan(math.radians(20.0)) * 15.0
        rows, columns = np.nonzero(ids == 3)
        self.assertAlmostEqual(np.ptp(columns) + 1, 100 * 2.0 / tangent, delta=1)
        self.assertAlmostEqual(np.ptp(rows) + 1, 100 * 1.5 / tangent, delta=1)

    def test_more_surfaces_than_ids_are_refused(self):
        body = raycast.Body(raycast.Sphere(), (0, 0, 0), 1, WHITE, 1)
        with self.assertRaisesRegex(ValueError, "255 planes and bodies"):
            raycast.World((body,) * 254, (raycast.floor(WHITE),), ())

    def test_bodies_behind_or_around_the_camera_do_no_harm(self):
        bodies = (raycast.Body(raycast.Sphere(), (12, -12, 8), 1, WHITE, 1),
                  raycast.Body(raycast.Box(), (6, -6, 4), (0.1, 0.1, 9), WHITE, 2))
        ids = raycast.render_ids(raycast.World(bodies, (raycast.floor(WHITE, id=3),), ()), CAMERA, 32)
        self.assertEqual(set(np.unique(ids[16:])), {3})


class RaysLeftOutTest(unittest.TestCase):

    def difference(self, world, camera, size=48):
        """Largest difference of a picture from the one for which every body is tested for every ray."""
        image, _ = raycast.render(world, camera, size, 2)
        diagonal = [not body.shape.convex for body in world.bodies]
        pairs = np.ones((len(diagonal),) * 2, bool)
        np.fill_diagonal(pairs, diagonal)
        everything = {"_pairs": lambda *_: pairs, "_windows": lambda *_: [np.s_[:, :]] * len(diagonal)}

        def every_ray(start, path, body):
            return np.ones(start.shape[1], bool)

        with mock.patch.multiple(shadows.Shadows, **everything), mock.patch.object(shadows, "meets_ball", every_ray), \
                mock.patch.object(mirrors, "meets_ball", every_ray):
            exhaustive, _ = raycast.render(world, camera, size, 2)
        return np.abs(image.astype(int) - exhaustive).max()

    def test_crowd(self):
        for seed in range(4):
            self.assertEqual(self.difference(crowd(np.random.default_rng(seed)), CAMERA), 0)

    def test_flat_bodies_on_a_floor(self):
        lying = raycast.rotation(0, 0.5 * math.pi)
        for shape, height, rotation in ((raycast.Torus(ring=0.78, tube=0.22), 0.22, vectors.IDENTITY),
                                        (raycast.Capsule(), 0.5, lying)):
            body = raycast.Body(shape, (0.0, 0.0, height), 1.0, WHITE, 1, rotation)
            lamps = (raycast.Light((2.0, -1.5, 3.0), 0.5), raycast.Light((-1.2, -1.2, 0.5), 0.5))
            for floor in (WHITE, raycast.metal((0.9, 0.9, 0.9))):
                world = raycast.World((body,), (raycast.floor(floor),), lamps)
                self.assertEqual(self.difference(world, CAMERA.crop((14, 42), (14, 42), (56, 56))), 0)

    def test_scenes_of_the_data_sets(self):
        for scenes in (clevrtex.ClevrtexScenes("outd"), shapestacks.ShapestacksScenes()):
            for index in range(2):
                with mock.patch.object(raycast, "render", wraps=raycast.render) as render:
                    scenes.draw(generation.example_rng(0, "test", index))
                world, camera = render.call_args.args[:2]
                self.assertEqual(self.difference(world, camera, 64), 0)

    def test_rays_that_meet_a_body_meet_its_ball(self):
        rng = np.random.default_rng(0)
        for name, (shape, _) in SHAPES.items():
            body = raycast.Body(shape, (0.3, -0.2, 0.5), 0.7, WHITE, 1, TILT)
            start = rng.uniform(-1.5, 1.5, (3, 20_000)) + np.array(body.position)[:, None]
            path = rng.normal(size=start.shape) * rng.uniform(0.05, 3.0, start.shape[1])
            met, near = np.isfinite(body.intersect(start, path)), shadows.meets_ball(start, path, body)
            self.assertGreater(met.mean(), 0.02, name)
            self.assertTrue(near[met].all(), name)
            outside = ((start.T - body.position) ** 2).sum(axis=1) > 1.01 * body.radius ** 2
            away = ((start.T - body.position) * path.T).sum(axis=1) > 0.0
            self.assertFalse(near[outside & away].any(), name)  # or nothing would be left out


class ShadingTest(unittest.TestCase):

    def brightness(self, lamps, material=WHITE, bodies=(), size=32, camera=ABOVE, **options):
        world = raycast.World(bodies, (raycast.floor(material),), lamps, **options)
        return raycast.render(world, camera, size, 1)[0] / 255.0

    def test_ambient_and_diffuse_light_of_a_floor(self):
        image = self.brightness((), shading=raycast.Shading(ambient=0.5))
        np.testing.assert_allclose(image, 0.5, atol=1 / 255)
        lamp = raycast.Light((3.0, 0.0, 4.0), 0.9, reference=None)
        image = self.brightness((lamp,), raycast.PlainMaterial((1.0, 0.5, 0.25)), shading=raycast.Shading(ambient=0.0))
        points = ABOVE.rays((32, 32)) * 10.0
        cosine = 4.0 / np.sqrt((points[..., 0] - 3.0) ** 2 + points[..., 1] ** 2 + 16.0)
        np.testing.assert_allclose(image, 0.9 * cosine[..., None] * [1.0, 0.5, 0.25], atol=1 / 255)

    def test_light_falls_off(self):
        lamp = raycast.Light((0.0, 0.0, 4.0), 0.5, reference=60.0)
        image = self.brightness((lamp,), size=33, shading=raycast.Shading(ambient=0.0))
        self.assertAlmostEqual(image[16, 16, 0], 0.5 * 60.0 / (20.0 + 16.0), delta=1 / 255)

    def test_highlight_is_where_the_half_vector_meets_the_normal(self):
        gloss = raycast.PlainMaterial((0.0, 0.0, 0.0), specular=0.6, exponent=20)
        lamp = raycast.Light((4.0, 0.0, 10.0), 0.8, reference=None)
        image = self.brightness((lamp,), gloss, size=65)[..., 0]
        self.assertAlmostEqual(image.max(), 0.48, delta=0.01)
        brightest = ABOVE.rays((65, 65))[image == image.max()].mean(axis=0) * 10.0
        np.testing.assert_allclose(brightest, [2.0, 0.0, -10.0], atol=0.15)  # half way between the eye and the lamp

    def test_shadow_of_a_ball_is_where_the_ball_hides_the_lamp(self):
        ball, place = raycast.Body(raycast.Sphere(), (-1.0, 0.5, 1.0), 0.6, WHITE, 1), np.array([3.0, 0.0, 5.0])
        world = raycast.World((ball,), (raycast.floor(WHITE),), (raycast.Light(place, 0.5, reference=None),),
                              raycast.Shading(ambient=0.0))
        image, ids = raycast.render(world, ABOVE, 100, 1)
        points = np.array(ABOVE.position) + 10.0 * ABOVE.rays((100, 100))
        path = place - points
        offset = np.array(ball.position) - points
        along = (offset * path).sum(axis=-1) / (path ** 2).sum(axis=-1)
        hidden = ((offset - along[..., None] * path) ** 2).sum(axis=-1) < 0.6 ** 2
        floor = ids == 0
        self.assertGreater((hidden & floor).sum(), 150)
        self.assertLessEqual(((image[..., 0] == 0) != hidden)[floor].sum(), 2)

    def test_large_lamps_cast_soft_shadows_of_the_same_mean(self):
        plate = raycast.Body(raycast.Box(), (0.0, 0.0, 2.0), (1.0, 1.0, 0.1), WHITE, 1)
        lamp = raycast.Light((0.0, -3.0, 8.0), 0.5, reference=None)
        options = {"bodies": (plate,), "size": 100, "shading": raycast.Shading(ambient=0.0)}
        hard = self.brightness((lamp,), **options)
        soft = self.brightness((lamp,), offsets=raycast.penumbra_offsets(np.random.default_rng(0), 0.5), **options)
        changed = np.abs(hard - soft)[..., 0] > 0.1
        self.assertTrue(0.02 < changed.mean() < 0.2, changed.mean())
        self.assertAlmostEqual(hard.mean(), soft.mean(), delta=0.005)

    def test_bodies_do_not_speckle_themselves(self):
        lamp, camera = raycast.Light((0.0, 0.0, 20.0), 0.7), raycast.Camera.look_at((1, -4, 6), (0, 0, 0), 40)
        for name, (shape, _) in SHAPES.items():
            body = raycast.Body(shape, (0.0, 0.0, 0.0), 0.7, WHITE, 1)
            with_shadow, without = (raycast.render(raycast.World((body,), (), (light,)), camera, 48, 1)[0]
                                    for light in (lamp, raycast.Light(lamp.position, 0.7, shadow=False)))
            np.testing.assert_array_equal(with_shadow, without, name)

    def test_metal_mirrors_the_floor(self):
        floor = raycast.PlainMaterial((1.0, 0.0, 0.0))
        ball = raycast.Body(raycast.Sphere(), (0.0, 0.0, 1.0), 0.6, raycast.metal((1.0, 1.0, 1.0)), 1)
        camera = raycast.Camera.look_at((0, -8, 1), (0, 0, 1), vertical_fov=12)
        world = raycast.World((ball,), (raycast.floor(floor),), (), raycast.Shading(ambient=0.4))
        image = raycast.render(world, camera, 41, 1)[0] / 255.0
        # Straight ahead: ray back along -y, horizontal; below the centre the mirrored floor is red, above the sky gray.
        base = 0.45 * 0.4 * 0.75
        np.testing.assert_allclose(image[20, 20], base + 0.06 * 0.55, atol=2 / 255)
        self.assertGreater(image[30, 20, 0] - image[30, 20, 1], 0.1)
        np.testing.assert_allclose(image[8, 20, 0], image[8, 20, 1], atol=1 / 255)
        plain = raycast.World((ball,), (raycast.floor(floor),), (), raycast.Shading(ambient=0.4, mirrors=False))
        np.testing.assert_allclose(raycast.render(plain, camera, 41, 1)[0][20, 20] / 255.0, base, atol=1 / 255)

    def test_background_is_a_function_of_the_direction(self):
        sky = raycast.sky_gradient((1.0, 0.5, 0.0), (0.0, 0.5, 1.0))
        camera = raycast.Camera.look_at((0, 0, 0), (0, 1, 1), vertical_fov=20)
        image, ids = raycast.render(raycast.World((), (), (), background=sky, background_id=5), camera, 31, 1)
        height = math.sqrt(0.5)
        np.testing.assert_allclose(image[15, 15] / 255.0, [1 - height, 0.5, height], atol=1 / 255)
        self.assertTrue((ids == 5).all())

    def test_materials_get_object_coordinates(self):
        seen = []

        class Recorder(raycast.PlainMaterial):
            def albedo(self, points):
                seen.append((points.dtype, points.min(axis=0), points.max(axis=0)))
                return super().albedo(points)

        gray = Recorder((0.5, 0.5, 0.5))
        body = raycast.Body(raycast.Box(), (0.5, 0.2, 0.4), (0.5, 0.8, 0.4), gray, 1, raycast.rotation(2, 0.5))
        raycast.render(raycast.World((body,), (raycast.floor(gray),), ()), ABOVE, 64)
        (kind, low, high), (_, box_low, box_high) = seen
        self.assertEqual(kind, np.float32)
        self.assertEqual((low[2], high[2]), (0.0, 0.0))
        self.assertAlmostEqual(high[0], 10.0 * math.tan(math.radians(20.0)), delta=0.1)
        np.testing.assert_allclose(box_high, 1.0, atol=0.05)
        np.testing.assert_allclose(box_low[:2], -1.0, atol=0.05)


if __name__ == "__main__":
    unittest.main()
