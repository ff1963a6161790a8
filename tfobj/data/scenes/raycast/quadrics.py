"""Unit shapes with round sides: sphere, cylinder, cone, capsule.

The interface of a unit shape, which lies within [-1,1]^3:

* `intersect(origin, direction)`: parameter of the first entry of rays, `inf` where there is none. Both are triples of
  floats or arrays that broadcast; directions need not be unit. Rays that start inside do not enter.
* `normal(points)`: outward normals at points (triple) on the surface, a triple, not normalised.
* `support(direction)`: largest scalar product of a direction (3 floats) with a point of the shape.
* `radius`: float. No point is further from the origin.
* `convex`: bool. A convex shape casts no shadow upon itself.
"""

import dataclasses
import math

import numpy as np

_TINY = 1e-30  # added to divisors: exact zeros become huge quotients of the right sign, all else is unchanged


def entry(near, far):
    """First positive parameter of the interval of parameters inside a convex shape, `inf` if it is empty."""
    return np.where((near < far) & (near > 0.0), near, np.inf)


def slab(origin, direction):
    """Interval of parameters for which |origin + t * direction| < 1, for one component."""
    inverse = 1.0 / (direction + _TINY)
    middle, half = origin * -inverse, np.abs(inverse)
    return middle - half, middle + half


def roots(a, b, c):
    """Solutions of a t^2 + 2 b t + c = 0 with a >= 0 in ascending order; where there are none, an empty interval."""
    a = np.maximum(a, _TINY)
    discriminant = b * b - a * c
    root = np.sqrt(np.maximum(discriminant, 0.0))
    inverse = 1.0 / a
    return np.where(discriminant > 0.0, (-b - root) * inverse, np.inf), (root - b) * inverse


@dataclasses.dataclass(frozen=True)
class Sphere:
    """The unit ball."""

    radius = 1.0
    convex = True

    def intersect(self, origin, direction):
        """See the module."""
        (u, v, w), (x, y, z) = origin, direction
        return entry(*roots(x * x + y * y + z * z, u * x + v * y + w * z, u * u + v * v + w * w - 1.0))

    def normal(self, points):
        """See the module."""
        return points

    def support(self, direction):
        """See the module."""
        return math.hypot(*direction)


@dataclasses.dataclass(frozen=True)
class Cylinder:
    """Radius 1 around the z axis, from z = -1 to z = 1."""

    radius = math.sqrt(2.0)
    convex = True

    def intersect(self, origin, direction):
        """See the module."""
        (u, v, w), (x, y, z) = origin, direction
        near, far = roots(x * x + y * y, u * x + v * y, u * u + v * v - 1.0)
        bottom, top = slab(w, z)
        return entry(np.maximum(near, bottom), np.minimum(far, top))

    def normal(self, points):
        """See the module."""
        x, y, z = points
        cap = z * z > x * x + y * y
        return np.where(cap, 0.0, x), np.where(cap, 0.0, y), np.where(cap, z, 0.0)

    def support(self, direction):
        """See the module."""
        return math.hypot(direction[0], direction[1]) + abs(direction[2])


@dataclasses.dataclass(frozen=True)
class Cone:
    """Apex at z = 1, base of radius 1 at z = -1."""

    radius = math.sqrt(2.0)
    convex = True

    def intersect(self, origin, direction):
        """See the module."""
        (u, v, w), (x, y, z) = origin, direction
        # x^2 + y^2 < ((1 - z) / 2)^2, a double cone; the slab below keeps the lower one.
        height, slope = 0.5 * (1.0 - w), -0.5 * z
        a = x * x + y * y - slope * slope
        b = u * x + v * y - height * slope
        c = u * u + v * v - height * height
        discriminant = b * b - a * c
        # This form of the roots stays exact where a is nearly 0.
        larger = -(b + np.copysign(np.sqrt(np.maximum(discriminant, 0.0)), b))
        first, second = larger / (a + _TINY), c / (larger + _TINY)
        # A ray steeper than the side (a < 0) is inside the lower cone on one side of both roots.
        low, high = np.minimum(first, second), np.maximum(first, second)
        steep, descending = a < 0.0, np.broadcast_to(z, a.shape) < 0.0
        near = np.where(steep, np.where(descending, high, -np.inf), low)
        far = np.where(steep, np.where(descending, np.inf, low), high)
        bottom, top = slab(w, z)
        hit = entry(np.maximum(near, bottom), np.minimum(far, top))
        return np.where(steep | (discriminant > 0.0), hit, np.inf)

    def normal(self, points):
        """See the module."""
        x, y, z = points
        ring = np.sqrt(x * x + y * y)
        # Nearer to the base than to the side; 0.894 is the cosine of the side's slope.
        base = -1.0 - z > 0.894 * (ring - 0.5 * (1.0 - z))
        return np.where(base, 0.0, x), np.where(base, 0.0, y), np.where(base, -1.0, 0.5 * ring)

    def support(self, direction):
        """See the module."""
        return max(direction[2], math.hypot(direction[0], direction[1]) - direction[2])


@dataclasses.dataclass(frozen=True)
class Capsule:
    """A cylinder around the z axis with round ends at z = -1 and z = 1; meant for equal half extents.

    Attributes:
        tube: float in (0,1). Radius.
    """

    tube: float = 0.5
    radius = 1.0
    convex = True

    def intersect(self, origin, direction):
        """See the module."""
        (u, v, w), (x, y, z) = origin, direction
        half, square = 1.0 - self.tube, self.tube * self.tube
        near, far = roots(x * x + y * y, u * x + v * y, u * u + v * v - square)
        bottom, top = slab(w / half, z / half)
        near = np.maximum(near, bottom)
        near = np.where(near < np.minimum(far, top), near, np.inf)
        a = x * x + y * y + z * z
        for center in (-half, half):
            end = w - center
            first, _ = roots(a, u * x + v * y + end * z, u * u + v * v + end * end - square)
            near = np.minimum(near, first)
        return np.where(near > 0.0, near, np.inf)  # of a convex union, where any part is entered first

    def normal(self, points):
        """See the module."""
        x, y, z = points
        return x, y, z - np.clip(z, self.tube - 1.0, 1.0 - self.tube)

    def support(self, direction):
        """See the module."""
        return self.tube * math.hypot(*direction) + (1.0 - self.tube) * abs(direction[2])
