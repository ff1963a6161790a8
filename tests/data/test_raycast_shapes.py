"""The unit shapes of the ray caster: rays, normals and reach against dense sampling."""

import unittest

import numpy as np

from tests.data.raycast_worlds import SHAPES
from tests.data.raycast_worlds import TILT
from tests.data.raycast_worlds import WHITE
from tfobj.data.scenes import raycast
from tfobj.data.scenes.raycast import vectors


def random_rays(number, seed=0):
    """Rays from a sphere of radius 3 to points around the unit shapes: origins and directions [3,number]."""
    rng = np.random.default_rng(seed)
    origin = rng.normal(size=(3, number))
    origin *= 3.0 / np.sqrt((origin ** 2).sum(axis=0))
    return origin, rng.uniform(-1.1, 1.1, (3, number)) - origin


class ShapesTest(unittest.TestCase):

    def test_rays_enter_where_dense_sampling_finds_the_shape(self):
        origin, direction = random_rays(400)
        times = np.arange(0.0, 2.0, 5e-4)
        for name, (shape, inside) in SHAPES.items():
            samples = inside(*(o[:, None] + times * d[:, None] for o, d in zip(origin, direction)))
            expected = np.where(samples.any(axis=1), times[samples.argmax(axis=1)], np.inf)
            self.assertGreater(np.isfinite(expected).mean(), 0.2, name)
            for dtype in (np.float64, np.float32):
                found = shape.intersect(origin.astype(dtype), direction.astype(dtype))
                self.assertEqual(found.dtype, dtype, name)
                both = np.isfinite(found) & np.isfinite(expected)
                self.assertLessEqual((np.isfinite(found) != np.isfinite(expected)).sum(), 2, name)  # touching rays
                self.assertLess(np.abs(found[both] - expected[both]).max(), 2e-3, name)

    def test_rays_along_the_axis_enter_the_ends(self):
        for name, time in (("cylinder", 2.0), ("cone", 2.0), ("capsule", 2.0), ("sphere", 2.0), ("torus", np.inf)):
            found = SHAPES[name][0].intersect((0.0, 0.0, 3.0), (np.zeros(1), np.zeros(1), np.full(1, -1.0)))
            np.testing.assert_allclose(found, time, atol=1e-6, err_msg=name)

    def test_rays_that_point_away_or_start_inside_do_not_enter(self):
        origin, direction = random_rays(200)
        for name, (shape, _) in SHAPES.items():
            self.assertTrue(np.isinf(shape.intersect(origin, -direction)).all(), name)
            if shape.convex:
                self.assertTrue(np.isinf(shape.intersect((0.01, 0.02, 0.01), direction)).all(), name)

    def test_normals_point_outwards_also_of_stretched_bodies(self):
        origin, direction = random_rays(500)
        tangent = np.random.default_rng(1).normal(size=(3, 500))
        for name, (shape, inside) in SHAPES.items():
            half = 0.8 if name in ("torus", "capsule") else (0.5, 0.9, 0.7)
            body = raycast.Body(shape, (0.1, 0.0, -0.1), half, WHITE, 1, TILT)
            time = body.intersect(origin, direction)
            hit = np.isfinite(time)
            points = (origin + time * direction)[:, hit]
            normal = np.array(body.normals(body.local_points(points), direction))
            np.testing.assert_allclose((normal ** 2).sum(axis=0), 1.0, err_msg=name)
            side = tangent[:, hit] - (tangent[:, hit] * normal).sum(axis=0) * normal
            step = 1e-3 * (side / np.sqrt((side ** 2).sum(axis=0)) + 0.3 * normal)
            outer, inner = (inside(*body.local_points(points + sign * step)) for sign in (1.0, -1.0))
            self.assertLess(np.mean(outer), 0.02, name)  # a step from an edge may go either way
            self.assertGreater(np.mean(inner), 0.98, name)

    def test_support_is_the_reach_of_the_body(self):
        cells = np.stack(np.meshgrid(*[np.linspace(-1, 1, 81)] * 3), axis=0).reshape(3, -1)
        for name, (shape, inside) in SHAPES.items():
            half = 0.8 if name in ("torus", "capsule") else (0.5, 0.9, 0.7)
            body = raycast.Body(shape, (0, 0, 0), half, WHITE, 1, TILT)
            points = vectors.apply(TILT, cells[:, inside(*cells)] * np.array(body.half_extents)[:, None])
            for direction in ((0.0, 0.0, -1.0), vectors.unit((1.0, 2.0, -0.5))):
                reach = vectors.dot(direction, points).max()
                self.assertAlmostEqual(body.support(direction), reach, delta=0.06, msg=name)
                self.assertGreaterEqual(body.support(direction), reach, name)
            self.assertLessEqual(np.sqrt(vectors.dot(points, points)).max(), body.radius + 1e-9, name)

    def test_regular_polyhedra_rest_on_a_face(self):
        self.assertEqual([len(shape.corners) for shape in (raycast.tetrahedron(), raycast.icosahedron())], [4, 12])
        for shape, number, bottom in ((raycast.tetrahedron(), 3, 1 / 3), (raycast.icosahedron(), 3, 0.7946545)):
            heights = np.array(shape.corners)[:, 2]
            np.testing.assert_allclose(np.sort(heights)[:number], -bottom, atol=1e-6)
            np.testing.assert_allclose((np.array(shape.corners) ** 2).sum(axis=1), 1.0)


if __name__ == "__main__":
    unittest.main()
