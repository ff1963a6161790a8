"""The torus, found by sphere marching (interface: see `quadrics`)."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes.raycast import quadrics

_STEPS = 64
_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Torus:
    """A ring around the z axis; meant for equal half extents.

    Attributes:
        ring: float. Radius of the circle of the tube's centres.
        tube: float. Radius of the tube; ring + tube <= 1.
    """

    ring: float = 0.68
    tube: float = 0.32
    radius = 1.0
    convex = False

    def distance(self, x, y, z):
        """Signed distance of points (components) from the surface, negative inside."""
        around = np.sqrt(x * x + y * y) - self.ring
        return np.sqrt(around * around + z * z) - self.tube

    def intersect(self, origin, direction):
        """See `quadrics`."""
        arrays = np.broadcast_arrays(*origin, *direction)
        shape = arrays[0].shape
        u, v, w, x, y, z = (array.reshape(-1) for array in arrays)
        length = np.sqrt(x * x + y * y + z * z)
        x, y, z = x / length, y / length, z / length
        near, far = self._interval((u, v, w), (x, y, z))
        hit = np.full(len(u), np.inf, length.dtype)
        active = np.flatnonzero(near < far)
        rays, time, far = [a[active] for a in (u, v, w, x, y, z)], near[active], far[active]
        for _ in range(_STEPS):
            a, b, c, d, e, f = rays
            gap = self.distance(a + time * d, b + time * e, c + time * f)
            arrived = gap < _TOLERANCE
            hit[active[arrived]] = time[arrived]
            time = time + gap
            keep = np.flatnonzero(~arrived & (time < far))
            active, time, far, rays = active[keep], time[keep], far[keep], [ray[keep] for ray in rays]
            if not len(active):
                break
        return (hit / length).reshape(shape)

    def _interval(self, origin, direction):
        """Where unit rays are within the cylinder that holds the torus, from 0 on."""
        (u, v, w), (x, y, z) = origin, direction
        reach = self.ring + self.tube
        near, far = quadrics.roots(x * x + y * y, u * x + v * y, u * u + v * v - reach * reach)
        bottom, top = quadrics.slab(w / self.tube, z / self.tube)
        return np.maximum(np.maximum(near, bottom), 0.0), np.minimum(far, top)

    def normal(self, points):
        """See `quadrics`."""
        x, y, z = points
        around = 1.0 - self.ring / np.sqrt(x * x + y * y)
        return x * around, y * around, z

    def support(self, direction):
        """See `quadrics`."""
        return self.ring * math.hypot(direction[0], direction[1]) + self.tube * math.hypot(*direction)
