"""Floors and walls."""

import dataclasses

from tfobj.data.scenes.raycast import vectors


@dataclasses.dataclass(frozen=True)
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

    @property
    def axes(self):
        """The two directions in the plane."""
        return self.axis, vectors.cross(self.normal, self.axis)


def floor(material, half_extents=None, height=0.0, id=0):
    """A horizontal plane around the origin; material coordinates are the world's x and y."""
    return Plane((0.0, 0.0, height), (0.0, 0.0, 1.0), material, id, half_extents=half_extents)
