"""Unit shapes with flat faces: box, and convex polyhedra given by planes (interface: see `quadrics`)."""

import dataclasses
import functools
import itertools
import math

import numpy as np

from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast.quadrics import entry
from tfobj.data.scenes.raycast.quadrics import slab

_TINY = 1e-30


@dataclasses.dataclass(frozen=True)
class Box:
    """The cube [-1,1]^3."""

    radius = math.sqrt(3.0)
    convex = True

    def intersect(self, origin, direction):
        """See `quadrics`."""
        near, far = slab(origin[0], direction[0])
        for axis in (1, 2):
            first, last = slab(origin[axis], direction[axis])
            near, far = np.maximum(near, first), np.minimum(far, last)
        return entry(near, far)

    def normal(self, points):
        """See `quadrics`."""
        lengths = [np.abs(component) for component in points]
        longest = np.maximum(np.maximum(*lengths[:2]), lengths[2])
        return tuple(np.where(length == longest, component, 0.0) for length, component in zip(lengths, points))

    def support(self, direction):
        """See `quadrics`."""
        return sum(abs(component) for component in direction)


@dataclasses.dataclass(frozen=True)
class Polyhedron:
    """The points p with n . p <= d for all faces.

    Attributes:
        faces: Tuple of pairs (n, d): outward unit normal, tuple of 3 floats, and distance of the face, float > 0. All
            corners must lie in the unit ball.
    """

    faces: tuple
    radius = 1.0
    convex = True

    def intersect(self, origin, direction):
        """See `quadrics`."""
        near, far = -np.inf, np.inf
        for normal, distance in self.faces:
            speed = vectors.dot(normal, direction) + _TINY
            time = (distance - vectors.dot(normal, origin)) / speed
            near = np.maximum(near, np.where(speed < 0.0, time, -np.inf))
            far = np.minimum(far, np.where(speed > 0.0, time, np.inf))
        return entry(near, far)

    def normal(self, points):
        """See `quadrics`."""
        heights = np.stack([vectors.dot(normal, points) - distance for normal, distance in self.faces])
        normals = np.array([normal for normal, _ in self.faces], heights.dtype)
        return tuple(np.moveaxis(normals[heights.argmax(axis=0)], -1, 0))

    def support(self, direction):
        """See `quadrics`."""
        return max(vectors.dot(corner, direction) for corner in self.corners)

    @functools.cached_property
    def corners(self):
        """Tuple of corners, each 3 floats."""
        found = []
        for (a, p), (b, q), (c, r) in itertools.combinations(self.faces, 3):
            volume = vectors.dot(a, vectors.cross(b, c))
            if abs(volume) < 1e-9:
                continue
            sides = zip((p, q, r), (vectors.cross(b, c), vectors.cross(c, a), vectors.cross(a, b)))
            corner = (0.0, 0.0, 0.0)
            for distance, axis in sides:
                corner = vectors.add(corner, vectors.scale(axis, distance / volume))
            inside = all(vectors.dot(normal, corner) <= distance + 1e-9 for normal, distance in self.faces)
            # More than three faces may meet in a corner.
            if inside and all(math.dist(corner, other) > 1e-6 for other in found):
                found.append(corner)
        return tuple(found)


def _resting(normals, distance):
    """Polyhedron whose faces are equally far from the centre, turned so that it rests on its first face."""
    forward = normals[0]
    side = vectors.unit(vectors.cross(forward, (0.3, 0.5, 0.8)))
    frame = (side, vectors.cross(forward, side), vectors.scale(forward, -1.0))  # rows: a rotation, forward -> -z
    return Polyhedron(tuple((vectors.apply(frame, normal), distance) for normal in normals))


def tetrahedron():
    """Regular tetrahedron with corners on the unit sphere, resting on a face; its bottom is at z = -1/3."""
    normals = [vectors.unit(normal) for normal in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    return _resting(normals, 1.0 / 3.0)


def icosahedron():
    """Regular icosahedron with corners on the unit sphere, resting on a face; its bottom is at z = -0.795."""
    golden = (1.0 + math.sqrt(5.0)) / 2.0
    signs = (1.0, -1.0)
    normals = [(a, b, c) for a in signs for b in signs for c in signs]
    for a, b in itertools.product((golden, -golden), (1.0 / golden, -1.0 / golden)):
        normals += [(0.0, b, a), (b, a, 0.0), (a, 0.0, b)]
    inner = math.sqrt((5.0 + 2.0 * math.sqrt(5.0)) / 15.0)  # inscribed over circumscribed radius
    return _resting([vectors.unit(normal) for normal in normals], inner)
