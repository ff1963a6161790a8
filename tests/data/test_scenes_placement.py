"""The world of CLEVR: camera and lamps near their bases, places that keep their distance, objects that are visible."""

import math
import unittest

import numpy as np

from tfobj.data.scenes import placement
from tfobj.data.scenes import raycast

_GRAY = raycast.PlainMaterial((0.5, 0.5, 0.5))


def ball(x, y, radius, number):
    return raycast.Body(raycast.Sphere(), (x, y, radius), radius, _GRAY, number)


class PlacementTest(unittest.TestCase):

    def test_camera_and_lamps_are_jittered_around_their_bases(self):
        rng = np.random.default_rng(0)
        cameras = np.array([placement.draw_camera(rng).position for _ in range(300)])
        np.testing.assert_allclose(cameras.min(axis=0), np.array([7.4811, -6.5076, 5.3437]) - 0.5, atol=0.02)
        np.testing.assert_allclose(cameras.max(axis=0), np.array([7.4811, -6.5076, 5.3437]) + 0.5, atol=0.02)
        lights = [placement.draw_lights(rng, ((0.5, 80.0), (0.1, 70.0), (0.3, 75.0))) for _ in range(300)]
        places = np.array([[light.position for light in three] for three in lights])  # [300,3,3]
        bases = [[6.4467, -2.9052, 4.2584], [-4.6711, -4.0136, 3.0112], [-1.1685, 2.6460, 5.8157]]
        np.testing.assert_allclose(places.min(axis=0), np.array(bases) - 1.0, atol=0.05)
        np.testing.assert_allclose(places.max(axis=0), np.array(bases) + 1.0, atol=0.05)
        self.assertEqual([(light.intensity, light.reference, light.shadow) for light in lights[0]],
                         [(0.5, 80.0, True), (0.1, 70.0, False), (0.3, 75.0, True)])

    def test_the_origin_is_the_middle_of_the_frame_and_the_field_of_view_is_that_of_clevr(self):
        camera = placement.look_from((0.0, 0.0, 0.0))
        np.testing.assert_allclose(camera.project((0.0, 0.0, 0.0), placement.FRAME)[:2], [160.0, 120.0], atol=1e-9)
        left, top, right, bottom = camera.bounds
        self.assertAlmostEqual(math.degrees(2.0 * math.atan((right - left) / 2.0)), 49.13, delta=0.01)
        self.assertAlmostEqual(math.degrees(2.0 * math.atan((bottom - top) / 2.0)), 37.85, delta=0.01)

    def test_axes_point_right_and_away_on_the_ground(self):
        camera = placement.look_from((0.3, -0.2, 0.1))
        right, behind = placement.ground_axes(camera)
        column, row, depth = camera.project([[0, 0, 0], [*right, 0], [*behind, 0]], placement.FRAME).T
        self.assertAlmostEqual(row[1], row[0], delta=1e-6)
        self.assertGreater(column[1], column[0] + 5.0)
        self.assertAlmostEqual(column[2], column[0], delta=1e-6)
        self.assertGreater(depth[2], depth[0] + 0.5)
        self.assertAlmostEqual(float(right @ behind), 0.0, delta=1e-9)

    def test_places_keep_gaps_and_margins(self):
        rng, radii = np.random.default_rng(1), np.array([0.7, 0.35, 0.7, 0.35, 0.35, 0.7])
        axes, found = placement.ground_axes(placement.look_from((0.0, 0.0, 0.0))), []
        for _ in range(200):
            places = placement.place(rng, radii, axes)
            if places is None:
                continue
            found.append(places)
            first, second = np.triu_indices(len(radii), 1)
            offsets = places[first] - places[second]
            gaps = np.sqrt((offsets ** 2).sum(axis=1)) - radii[first] - radii[second]
            self.assertGreaterEqual(gaps.min(), 0.25)
            self.assertGreaterEqual(np.abs(offsets @ axes.T).min(), 0.4)
        found = np.concatenate(found)
        np.testing.assert_allclose([found.min(), found.max()], [-3.0, 3.0], atol=0.05)

    def test_no_place_for_an_object_that_is_too_large(self):
        self.assertIsNone(placement.place(np.random.default_rng(0), np.array([5.0, 5.0]), np.eye(2)))

    def test_visible_pixels_leave_out_what_is_hidden(self):
        camera = placement.look_from((0.0, 0.0, 0.0))
        toward = np.array(camera.position[:2]) / np.hypot(*camera.position[:2])
        alone = placement.visible_pixels((ball(0.0, 0.0, 0.4, 1),), camera)
        hidden = placement.visible_pixels((ball(0.0, 0.0, 0.4, 1), ball(*(2.5 * toward), 1.4, 2)), camera)
        # A ball of radius 0.4 at distance d covers about pi (160 / tan(24.57 deg) 0.4 / d)^2 pixels.
        expected = math.pi * (160.0 / (16.0 / 35.0) * 0.4 / np.linalg.norm(camera.position)) ** 2
        self.assertAlmostEqual(alone[0] / expected, 1.0, delta=0.1)
        self.assertEqual(hidden[0], 0)
        self.assertGreater(hidden[1], 5_000)

    def test_arrange_starts_again_until_all_objects_show_enough(self):
        rng, camera, seen = np.random.default_rng(2), placement.look_from((0.0, 0.0, 0.0)), []

        def dress(sizes, places):
            radii = np.array([0.2, 0.9])[sizes]
            bodies = tuple(ball(*place, radius, index + 1) for index, (place, radius) in enumerate(zip(places, radii)))
            seen.append(placement.visible_pixels(bodies, camera).min())
            return {"size": sizes, "place": places}, bodies

        attempts = 0
        for _ in range(20):
            factors, bodies, calls = placement.arrange(rng, 4, camera, (0.2, 0.9), 150, dress)
            attempts += calls
            self.assertEqual(factors["place"].dtype, np.float32)
            self.assertEqual(factors["size"].dtype, np.int64)
            self.assertGreaterEqual(seen[-1], 150)
            self.assertGreaterEqual(placement.visible_pixels(bodies, camera).min(), 150)
        self.assertEqual(attempts, len(seen))
        self.assertGreater(attempts, 20)


if __name__ == "__main__":
    unittest.main()
