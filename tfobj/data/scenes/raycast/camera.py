"""A pinhole camera, or the part of its image plane that a picture shows."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes.raycast import vectors


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera without lens; make it with `look_at`.

    A point of the image plane has tangent coordinates (x, y): x to the right and y downwards at distance 1 along the
    viewing direction. A ray is `position + depth * (forward + x * right + y * down)`, so its parameter is the depth.

    Attributes:
        position: Tuple of 3 floats.
        right: Tuple of 3 floats, unit.
        down: Tuple of 3 floats, unit.
        forward: Tuple of 3 floats, unit.
        bounds: Tuple (left, top, right, bottom) of floats. Tangent coordinates of the picture's edges.
    """

    position: tuple
    right: tuple
    down: tuple
    forward: tuple
    bounds: tuple

    @classmethod
    def look_at(cls, position, target, vertical_fov=None, horizontal_fov=None, aspect=1.0, up=(0.0, 0.0, 1.0)):
        """A camera that has `target` in the centre of its frame.

        Args:
            position: 3 floats.
            target: 3 floats, not straight above or below `position` along `up`.
            vertical_fov: float, degrees between the top and bottom edges. Exactly one of the two must be given.
            horizontal_fov: float, degrees between the left and right edges.
            aspect: float. Width of the frame over its height.
            up: 3 floats.

        Returns:
            `Camera`.
        """
        if (vertical_fov is None) == (horizontal_fov is None):
            raise ValueError("give either vertical_fov or horizontal_fov")
        position = vectors.floats(position)
        forward = vectors.unit(vectors.subtract(vectors.floats(target), position))
        right = vectors.unit(vectors.cross(forward, vectors.floats(up)))
        if vertical_fov is not None:
            half_height = math.tan(math.radians(vertical_fov) / 2.0)
            half_width = half_height * aspect
        else:
            half_width = math.tan(math.radians(horizontal_fov) / 2.0)
            half_height = half_width / aspect
        bounds = (-half_width, -half_height, half_width, half_height)
        return cls(position, right, vectors.cross(forward, right), forward, bounds)

    def crop(self, rows, columns, frame):
        """The camera of a window of the picture.

        Args:
            rows: Pair (first, last + 1), pixels of `frame`.
            columns: Pair (first, last + 1).
            frame: Pair (height, width): the size at which the whole picture is measured.

        Returns:
            `Camera` at the same place whose picture is that window.
        """
        left, top, right, bottom = self.bounds
        width, height = (right - left) / frame[1], (bottom - top) / frame[0]
        bounds = (left + width * columns[0], top + height * rows[0], left + width * columns[1], top + height * rows[1])
        return dataclasses.replace(self, bounds=bounds)

    def to_camera(self, point):
        """World point (components) -> components to the right, downwards and along the viewing direction."""
        offset = vectors.subtract(point, self.position)
        return tuple(vectors.dot(axis, offset) for axis in (self.right, self.down, self.forward))

    def project(self, points, size):
        """Where points appear.

        Args:
            points: float [..., 3], world coordinates in front of the camera.
            size: Pair (height, width) of the picture in pixels.

        Returns:
            float64 [..., 3]: column, row and depth. Column and row count pixels from the upper left corner of the
            picture, so the first pixel's centre is (0.5, 0.5); depth is measured along the viewing direction.
        """
        x, y, depth = self.to_camera(np.moveaxis(np.asarray(points, np.float64), -1, 0))
        left, top, right, bottom = self.bounds
        column = (x / depth - left) / (right - left) * size[1]
        row = (y / depth - top) / (bottom - top) * size[0]
        return np.stack([column, row, depth], axis=-1)

    def tangents(self, size, samples=1):
        """Tangent coordinates of the sub-pixel centres.

        Args:
            size: Pair (height, width) in pixels.
            samples: int s. Every pixel has s x s sub-pixels.

        Returns:
            Tuple: x float64 [width*s], y float64 [height*s].
        """
        left, top, right, bottom = self.bounds
        columns, rows = size[1] * samples, size[0] * samples
        return (left + (right - left) * ((np.arange(columns) + 0.5) / columns),
                top + (bottom - top) * ((np.arange(rows) + 0.5) / rows))

    def rays(self, size, samples=1):
        """Directions of the rays through all sub-pixels.

        Args:
            size: Pair (height, width) in pixels.
            samples: int s.

        Returns:
            float64 [height*s,width*s,3], of length 1 along the viewing direction, not unit.
        """
        x, y = self.tangents(size, samples)
        components = [f + y[:, None] * d + x * r for r, d, f in zip(self.right, self.down, self.forward)]
        return np.stack(components, axis=-1)
