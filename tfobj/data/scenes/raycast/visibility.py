"""Which surface each sub-pixel sees: float64, no BLAS and no transcendental functions, so masks repeat bit for bit."""

import dataclasses

import numpy as np

from tfobj.data.scenes.raycast import vectors


@dataclasses.dataclass
class View:
    """What the sub-pixels of a picture see.

    Attributes:
        x: float64 [w]. Tangent coordinates of the columns (see `Camera.tangents`).
        y: float64 [h]. Tangent coordinates of the rows.
        depth: float64 [h,w]. `inf` where there is nothing.
        surface: int16 [h,w]. Index into `World.surfaces`, -1 where there is nothing.
    """

    x: np.ndarray
    y: np.ndarray
    depth: np.ndarray
    surface: np.ndarray


def look(world, camera, x, y):
    """Finds the nearest surface of every ray.

    Args:
        world: `World`.
        camera: `Camera`.
        x: float64 [w], ascending. Tangent coordinates of the rays.
        y: float64 [h], ascending.

    Returns:
        `View`.
    """
    view = View(x, y, np.full((len(y), len(x)), np.inf), np.full((len(y), len(x)), -1, np.int16))
    for index, surface in enumerate(world.surfaces):
        window = np.s_[:, :] if surface.is_plane else window_of(surface.corners, camera, x, y)
        if window is None:
            continue
        origin = surface.local_points(camera.position)
        depth = surface.intersect_local(origin, directions(camera, surface.to_local, x[window[1]], y[window[0]]))
        nearer = depth < view.depth[window]
        np.copyto(view.depth[window], depth, where=nearer)
        np.copyto(view.surface[window], index, where=nearer)
    return view


def directions(camera, matrix, x, y):
    """Rays, of length 1 along the viewing direction, in the coordinates a matrix leads to: components [3][h,w]."""
    forward, right, down = (vectors.apply(matrix, axis) for axis in (camera.forward, camera.right, camera.down))
    return tuple((f + y * d)[:, None] + x * r for f, r, d in zip(forward, right, down))


def window_of(points, camera, x, y, margin=0):
    """The rows and columns of rays that can meet the convex hull of points.

    Args:
        points: World points, components [3][n].
        camera: `Camera`.
        x: float64 [w], ascending.
        y: float64 [h], ascending.
        margin: int. Rows and columns to add on all sides.

    Returns:
        Pair of slices (rows, columns), or None if no ray can; all of them if a point is not in front of the camera.
    """
    right, down, depth = camera.to_camera(points)
    if depth.min() <= 1e-6:
        return None if depth.max() <= 0.0 else np.s_[:, :]
    columns, rows = _range(x, right / depth, margin), _range(y, down / depth, margin)
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _range(positions, values, margin):
    """Slice of the ascending positions between the smallest and the largest value."""
    first, last = np.searchsorted(positions, (values.min(), values.max())).tolist()
    return slice(max(first - margin, 0), last + margin)
