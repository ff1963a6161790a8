"""Points of surfaces, sorted by surface, with all that shading needs."""

import dataclasses

import numpy as np

LIFT = 1e-3  # shadow and mirror rays start this far above the surface


@dataclasses.dataclass(eq=False)
class Points:
    """Points that rays have met.

    Attributes:
        surfaces: Tuple of `Plane` and `Body`.
        parts: List of (index of the surface, slice): the points of each surface that has any. Surfaces with the same
            gloss are neighbours.
        place: float32 [3,M]. World coordinates.
        ray: float32 [3,M]. Unit directions of the rays.
        normal: float32 [3,M]. Unit normals, on the side that the ray came from.
        albedo: float32 [3,M].
        lifted: float32 [3,M]. Places just above the surface, from where shadow and mirror rays start.
    """

    surfaces: tuple
    parts: list
    place: np.ndarray
    ray: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    lifted: np.ndarray

    def groups(self):
        """Slices of neighbouring points of equal gloss: list of ((metal, specular, exponent), slice)."""
        groups = []
        for index, rows in self.parts:
            gloss = _gloss(self.surfaces[index])
            if groups and groups[-1][0] == gloss:
                rows = slice(groups.pop()[1].start, rows.stop)
            groups.append((gloss, rows))
        return groups


def sort_by_surface(surfaces, hit):
    """Orders rays by the surface that they meet.

    Args:
        surfaces: Tuple of `Plane` and `Body`.
        hit: int [M]. Index of the surface each ray meets, -1 for none.

    Returns:
        Tuple: int64 [M], the rays, those without a surface last; list of (index of the surface, slice of that order).
    """
    order = sorted(range(len(surfaces)), key=lambda index: _gloss(surfaces[index]))
    rank = np.empty(len(surfaces) + 1, np.uint8)
    rank[order], rank[-1] = np.arange(len(order)), len(order)
    ranks = rank[hit]
    ends = np.cumsum(np.bincount(ranks, minlength=len(order))).tolist()
    bounds = zip(order, [0] + ends, ends)
    return np.argsort(ranks, kind="stable"), [(index, slice(*pair)) for index, *pair in bounds if pair[0] < pair[1]]


def gather(surfaces, parts, place, ray):
    """Completes points with what their surfaces say.

    Args:
        surfaces: Tuple of `Plane` and `Body`.
        parts: List of (index of the surface, slice) that covers all points.
        place: float32 [3,M].
        ray: float32 [3,M], unit.

    Returns:
        `Points`.
    """
    normal, albedo = np.empty_like(place), np.empty_like(place)
    for index, rows in parts:
        surface = surfaces[index]
        local = surface.local_points(place[:, rows])
        for target, component in zip(normal, surface.normals(local, ray[:, rows])):
            target[rows] = component
        if surface.is_plane:
            local = (*local[:2], np.zeros_like(local[2]))  # rounding must not carry points across cells of a pattern
        albedo[:, rows] = np.asarray(surface.material.albedo(np.stack(local).T)).T
    return Points(surfaces, parts, place, ray, normal, albedo, place + LIFT * normal)


def _gloss(surface):
    material = surface.material
    return bool(material.metal), float(material.specular), float(material.exponent)
