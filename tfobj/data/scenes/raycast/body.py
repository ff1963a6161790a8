"""A shape somewhere in the world."""

import dataclasses
import functools
import itertools

import numpy as np

from tfobj.data.scenes.raycast import vectors

_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))  # [8,3]


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """A unit shape, stretched by the half extents, then rotated, then moved.

    Attributes:
        shape: Unit shape, e.g. `Sphere()`.
        position: 3 floats. Where the shape's origin is.
        half_extents: 3 floats or one float: the unit shape's [-1,1] along its own axes becomes [-h,h].
        rotation: 3x3 rotation, rows of floats, from the shape's own axes to the world's (see `vectors.rotation`).
        material: Material (see `material`).
        id: int 1..254. Value in the id map.
    """

    shape: object
    position: tuple
    half_extents: tuple
    material: object
    id: int
    rotation: tuple = vectors.IDENTITY
    is_plane = False

    def __post_init__(self):
        object.__setattr__(self, "position", vectors.floats(self.position))
        object.__setattr__(self, "half_extents", vectors.floats(self.half_extents))
        object.__setattr__(self, "rotation", tuple(vectors.floats(row) for row in self.rotation))

    @functools.cached_property
    def to_local(self):
        """Rows of the matrix from world offsets to the unit shape's coordinates."""
        return tuple(tuple(value / half for value in row)
                     for row, half in zip(vectors.transpose(self.rotation), self.half_extents))

    @functools.cached_property
    def radius(self):
        """float. No point of the body is further from its position."""
        return self.shape.radius * max(self.half_extents)

    @functools.cached_property
    def corners(self):
        """The corners of the box around the shape in its own axes, components [3][8]."""
        stretched = [_CORNERS[:, axis] * half for axis, half in enumerate(self.half_extents)]
        return vectors.add(vectors.apply(self.rotation, stretched), self.position)

    def local_points(self, points):
        """World points (triple) in the coordinates of the unit shape."""
        return vectors.apply(self.to_local, vectors.subtract(points, self.position))

    def intersect(self, origin, direction):
        """Parameter at which rays enter the body, `inf` where they do not (triples of floats or arrays)."""
        return self.intersect_local(self.local_points(origin), vectors.apply(self.to_local, direction))

    def intersect_local(self, origin, direction):
        """The same for rays in the coordinates of the unit shape."""
        return self.shape.intersect(origin, direction)

    def normals(self, points, ray):
        """Outward unit normals in the world (triple) at points of the unit shape's surface (triple)."""
        local = [component / half for component, half in zip(self.shape.normal(points), self.half_extents)]
        inverse = 1.0 / np.sqrt(vectors.dot(local, local))
        return vectors.apply(self.rotation, [component * inverse for component in local])

    def support(self, direction):
        """How far the body reaches from its position along a unit direction (3 floats).

        The body rests on z = 0 if its position is at height `support((0, 0, -1))`.
        """
        local = vectors.apply(vectors.transpose(self.rotation), direction)
        return self.shape.support([component * half for component, half in zip(local, self.half_extents)])
