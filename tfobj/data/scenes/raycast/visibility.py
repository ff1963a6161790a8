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
        surface: int16 [h,w]. Index into `surfaces`, -1 where there is nothing.
    """

    x: np.ndarray
    y: np.ndarray
    depth: np.ndarray
    surface: np.ndarray


def surfaces(world):
    """The planes of a world, then its bodies: the order of `View.surface`."""
    return (*world.planes, *world.bodies)


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
    for index, plane in enumerate(world.planes):
        _draw(view, np.s_[:, :], _plane_depth(plane, camera, x, y), index)
    for index, body in enumerate(world.bodies, start=len(world.planes)):
        window = window_of(body.corners, camera, x, y)
        if window is not None:
            directions = _directions(camera, body.to_unit, x[window[1]], y[window[0]])
            origin = body.unit_points(camera.position)
            _draw(view, window, body.shape.intersect(origin, directions), index)
    return view


def window_of(points, camera, x, y):
    """The rows and columns of rays that can meet the convex hull of points.

    Args:
        points: World points, components [3][n].
        camera: `Camera`.
        x: float64 [w], ascending.
        y: float64 [h], ascending.

    Returns:
        Pair of slices (rows, columns), or None if no ray can; all of them if a point is not in front of the camera.
    """
    right, down, depth = camera.to_camera(points)
    if depth.min() <= 1e-6:
        return None if depth.max() <= 0.0 else np.s_[:, :]
    right, down = right / depth, down / depth
    left, last_column = np.searchsorted(x, (right.min(), right.max()))
    top, last_row = np.searchsorted(y, (down.min(), down.max()))
    if left == last_column or top == last_row:
        return None
    return np.s_[top:last_row, left:last_column]


def _draw(view, window, depth, index):
    nearer = depth < view.depth[window]
    np.copyto(view.depth[window], depth, where=nearer)
    np.copyto(view.surface[window], index, where=nearer)


def _directions(camera, matrix, x, y):
    """Rays in the coordinates that a matrix leads to: components [3][h,w]."""
    forward, right, down = (vectors.apply(matrix, axis) for axis in (camera.forward, camera.right, camera.down))
    return tuple((f + y * d)[:, None] + x * r for f, r, d in zip(forward, right, down))


def _plane_depth(plane, camera, x, y):
    """Depth at which rays meet a plane, [h,w]; `inf` where they do not."""
    speed, = _directions(camera, (plane.normal,), x, y)
    height = vectors.dot(plane.normal, vectors.subtract(plane.point, camera.position))
    with np.errstate(divide="ignore"):
        depth = height / speed
    hit = depth > 0.0
    if plane.half_extents is not None:
        offset = vectors.subtract(camera.position, plane.point)
        directions = _directions(camera, plane.axes, x, y)
        for axis, half, direction in zip(plane.axes, plane.half_extents, directions):
            with np.errstate(invalid="ignore"):
                hit &= np.abs(vectors.dot(axis, offset) + depth * direction) <= half
    return np.where(hit, depth, np.inf)
