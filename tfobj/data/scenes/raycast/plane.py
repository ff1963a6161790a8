"""Floors and walls."""

import dataclasses
import functools

import numpy as np

from tfobj.data.scenes.raycast import vectors


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A plane, bounded or not, visible from both sides, that casts no shadow.

    Attributes:
        point: 3 floats. Origin of the plane's coordinates; the centre if bounded.
        normal: 3 floats, unit.
        material: Material; its points are (distance along `axis`, along normal x axis, 0) from `point`.
        id: int 0..254. Value in the id map.
        axis: 3 floats, unit, perpendicular to `normal`: the first direction in the plane.
        half_extents: Pair of floats along the two directions, or None for a plane without bounds.
    """

    point: tuple
    normal: tuple
    material: object
    id: int = 0
    axis: tuple = (1.0, 0.0, 0.0)
    half_extents: tuple = None
    is_plane = True

    def __post_init__(self):
        for name in ("point", "normal", "axis"):
            object.__setattr__(self, name, vectors.floats(getattr(self, name)))
        if self.half_extents is not None:
            object.__setattr__(self, "half_extents", tuple(float(half) for half in self.half_extents))

    @functools.cached_property
    def to_local(self):
        """Rows of the matrix from world offsets to coordinates along the two directions and the normal."""
        return self.axis, vectors.cross(self.normal, self.axis), self.normal

    def local_points(self, points):
        """World points (triple) in the plane's coordinates."""
        return vectors.apply(self.to_local, vectors.subtract(points, self.point))

    def intersect(self, origin, direction):
        """Parameter at which rays meet the plane, `inf` where they do not (triples of floats or arrays)."""
        return self.intersect_local(self.local_points(origin), vectors.apply(self.to_local, direction))

    def intersect_local(self, origin, direction):
        """The same for rays in the plane's coordinates."""
        with np.errstate(divide="ignore", invalid="ignore"):
            time = -origin[2] / direction[2]
            hit = (time > 0.0) & (time < np.inf)
            for axis, half in enumerate(self.half_extents or ()):
                hit &= np.abs(origin[axis] + time * direction[axis]) <= half
        return np.where(hit, time, np.inf)

    def normals(self, points, ray):
        """Unit normals in the world on the side that rays (triple of directions) come from."""
        return vectors.scale(self.normal, -np.sign(vectors.dot(self.normal, ray)))


def floor(material, half_extents=None, height=0.0, id=0):
    """A horizontal plane around the origin; material coordinates are the world's x and y."""
    return Plane((0.0, 0.0, height), (0.0, 0.0, 1.0), material, id, half_extents=half_extents)
