"""What tests of the ray caster share: unit shapes with independent inside tests, and a crowded world."""

import numpy as np

from tfobj.data.scenes import raycast
from tfobj.data.scenes.raycast import vectors

WHITE = raycast.PlainMaterial((1.0, 1.0, 1.0))
TILT = raycast.compose(raycast.rotation(2, 0.7), raycast.rotation(0, 0.9))


def ring(x, y):
    return np.sqrt(x * x + y * y)


def in_polyhedron(shape):
    return lambda x, y, z: np.all([vectors.dot(n, (x, y, z)) < d for n, d in shape.faces], axis=0)


SHAPES = {  # unit shape, and whether points are inside, written independently
    "sphere": (raycast.Sphere(), lambda x, y, z: x * x + y * y + z * z < 1.0),
    "box": (raycast.Box(), lambda x, y, z: np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 1.0),
    "cylinder": (raycast.Cylinder(), lambda x, y, z: np.maximum(ring(x, y), abs(z)) < 1.0),
    "cone": (raycast.Cone(), lambda x, y, z: (ring(x, y) < (1.0 - z) / 2.0) & (abs(z) < 1.0)),
    "capsule": (raycast.Capsule(0.4), lambda x, y, z: ring(ring(x, y), np.maximum(abs(z) - 0.6, 0.0)) < 0.4),
    "torus": (raycast.Torus(0.68, 0.32), lambda x, y, z: ring(ring(x, y) - 0.68, z) < 0.32),
    "tetrahedron": (raycast.tetrahedron(), in_polyhedron(raycast.tetrahedron())),
    "icosahedron": (raycast.icosahedron(), in_polyhedron(raycast.icosahedron())),
}


def crowd(rng):
    """A room with bodies of all shapes, some in the air, two lamps (one low) and soft shadows."""
    bodies = []
    for index, (shape, _) in enumerate(SHAPES.values()):
        spin = raycast.compose(raycast.rotation(2, rng.uniform(0, 6)), raycast.rotation(0, rng.uniform(0, 6)))
        place = (1.5 * (index % 3) - 1.5, 1.5 * (index // 3) - 1.5, rng.uniform(0.7, 1.5))
        material = (raycast.rubber, raycast.metal)[index % 2]((0.8, 0.3, 0.1))
        bodies.append(raycast.Body(shape, place, rng.uniform(0.3, 0.6, 3), material, index + 1, spin))
    wall = raycast.Plane((0, 4, 1), (0, -1, 0), WHITE, 20, half_extents=(4, 1))
    lamps = (raycast.Light((3, -3, 5), 0.5), raycast.Light((-3, -2, 1.2), 0.5, reference=None),
             raycast.Light((0, 0, 6), 0.1, shadow=False))
    return raycast.World(tuple(bodies), (raycast.floor(WHITE, (5, 5), id=21), wall), lamps, background_id=22,
                         background=raycast.sky_gradient((0.6, 0.8, 1.0), (0.2, 0.4, 0.8)),
                         offsets=raycast.penumbra_offsets(rng))
