"""Which points do not see a lamp.

Most of the work is to leave rays out: the shadow of a body on a plane lies in a window of the picture, and most bodies
cannot shade most others.
"""

import itertools

import numpy as np

from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast import visibility
from tfobj.data.scenes.raycast.light import TABLE_LENGTH
from tfobj.data.scenes.raycast.points import LIFT

_SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=3))).T  # [3,8]
_MARGIN = 2  # sub-pixels by which the windows of shadows are larger than need be, against rounding


class Shadows:
    """Finds the shadows in one picture."""

    def __init__(self, world, camera, view, points, sample, table_rows):
        """Prepares the search.

        Args:
            world: `World`.
            camera: `Camera`.
            view: `visibility.View`.
            points: `Points` of all sub-pixels that see a surface.
            sample: int64 [M]. Sub-pixel of each point.
            table_rows: int64 [M]. Row of the lamps' table (`World.offsets`) that each point uses.
        """
        self._world, self._camera, self._view = world, camera, view
        self._points, self._table_rows = points, table_rows
        self._point = np.empty(view.surface.size, np.int64)  # point of each sub-pixel
        self._point[sample] = np.arange(len(sample))
        self._point = self._point.reshape(view.surface.shape)
        offsets = np.zeros((1, 3), np.float32) if world.offsets is None else world.offsets
        self._offsets = np.ascontiguousarray(offsets.T)
        self._reach = np.abs(self._offsets).max(axis=1).astype(np.float64)  # [3], half the size of a lamp

    def of(self, number, facing):
        """Finds the points that bodies hide from a lamp.

        Args:
            number: int. Which lamp.
            facing: float [M]. Points at which it is not positive do not face the lamp and are left out.

        Returns:
            bool [M].
        """
        world, dark = self._world, np.zeros(len(facing), bool)
        light = world.lights[number]
        pairs = self._pairs(light)
        windows = [self._windows(plane, light) for plane in world.planes]
        for index, body in enumerate(world.bodies):
            rows = [np.arange(part.start, part.stop) for receiver, part in self._points.parts
                    if receiver >= len(world.planes) and pairs[index, receiver - len(world.planes)]]
            rows += [self._rows(plane, regions[index]) for plane, regions in enumerate(windows)]
            if rows:
                rows = np.concatenate(rows)
                rows = rows[(facing[rows] > 0.0) & ~dark[rows]]
                dark[self._hidden(rows, body, number)] = True
        return dark

    def _hidden(self, rows, body, number):
        """Those of the points in `rows` from which a body hides the lamp."""
        start, target = self._points.lifted.take(rows, axis=1), self._world.lights[number].position
        if self._world.offsets is not None:
            entries = (self._table_rows[rows] + number * 1364) & (TABLE_LENGTH - 1)  # lamps start at unlike rows
            target = vectors.add(self._offsets.take(entries, axis=1), target)
        path = np.stack(vectors.subtract(target, start))
        near = np.flatnonzero(meets_ball(start, path, body))
        time = body.intersect(start.take(near, axis=1), path.take(near, axis=1))
        return rows[near[time < 1.0]]

    def _pairs(self, light):
        """Whether body i can come between body k and the lamp: bool [bodies,bodies]."""
        bodies = self._world.bodies
        places = np.array([body.position for body in bodies]).reshape(-1, 3).T  # [3,bodies]
        radii = np.array([body.radius for body in bodies])
        path = vectors.subtract(vectors.floats(light.position), places)
        offset = [component[:, None] - component for component in places]  # [3][occluder,receiver]
        length = np.maximum(vectors.dot(path, path), 1e-12)
        along = np.clip(vectors.dot(offset, path) / length, 0.0, 1.0)
        gap = vectors.subtract(offset, vectors.scale(path, along))
        width = np.maximum(radii, np.sqrt(vectors.dot(self._reach, self._reach)))
        pairs = np.sqrt(vectors.dot(gap, gap)) <= radii[:, None] + width
        np.fill_diagonal(pairs, [not body.shape.convex for body in bodies])
        return pairs

    def _windows(self, plane, light):
        """Where in the picture the shadow of each body on a plane may be: list of pairs of slices, or None if nowhere.

        The shadow lies in the convex hull of the shadows that the corners of the body's box cast from the corners of
        the lamp's box, if these are all further from the plane.
        """
        height = vectors.dot(plane.normal, vectors.subtract(light.position, plane.point))
        normal = plane.normal if height > 0.0 else vectors.scale(plane.normal, -1.0)
        lamp = [center + sign * reach for center, sign, reach in zip(light.position, _SIGNS, self._reach)]
        above = vectors.dot(normal, vectors.subtract(lamp, plane.point))  # [8]
        windows = []
        for body in self._world.bodies:
            corners = [component[:, None] for component in body.corners]  # [3][8,1]
            drop = above - vectors.dot(normal, vectors.subtract(corners, plane.point))  # [8,8]
            if above.min() <= LIFT or drop.min() <= 1e-6:
                windows.append(np.s_[:, :])
                continue
            reach = (above - LIFT) / drop
            shadow = [(a + (b - a) * reach - LIFT * n).reshape(-1) for a, b, n in zip(lamp, corners, normal)]
            windows.append(visibility.window_of(shadow, self._camera, self._view.x, self._view.y, _MARGIN))
        return windows

    def _rows(self, plane, window):
        """The points of a plane in a window of the picture."""
        if window is None:
            return np.zeros(0, np.int64)
        return self._point[window][self._view.surface[window] == plane]


def meets_ball(start, path, body):
    """Whether rays meet the ball around a body ahead of their start or start inside it: bool [M] (a little generous).

    The ground beside a flat body lies in its ball, so a ray from there may meet the body although it leads away from
    the ball's middle.
    """
    offset = vectors.subtract(body.position, start)
    along, length = vectors.dot(offset, path), vectors.dot(path, path)
    square, reach = vectors.dot(offset, offset), 1.001 * body.radius ** 2
    return (square * length - along * along < reach * length) & ((along > 0.0) | (square < reach))
