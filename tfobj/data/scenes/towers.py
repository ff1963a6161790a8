"""Towers of two to six blocks: sizes, places and whether they stand. What `shapestacks` shows.

Angles go through `math`, one by one: NumPy's functions of arrays differ in the last bit from processor to processor.
"""

import dataclasses
import math

import numpy as np

SHAPES = ("background", "cuboid", "cylinder", "lying_cylinder", "sphere")
CUBOID, CYLINDER, LYING_CYLINDER, SPHERE = range(1, len(SHAPES))
MIN_HEIGHT, MAX_HEIGHT = 2, 6
MIN_SIZE, MAX_SIZE = 0.5, 1.0
_FILL = np.array([0.0, 1.0, np.pi / 4.0, np.pi / 4.0, np.pi / 6.0])  # volume over that of the box around a shape
_MAX_OFFSET = 0.5  # of the smaller half extent of the supporting face
_TOPPLE = 0.05  # how far beyond the supporting face an unstable block is centred
_TINY = 1e-9  # a block that stands on one point is exactly above it, up to rounding


@dataclasses.dataclass(frozen=True)
class Tower:
    """Blocks from the floor up.

    Attributes:
        shapes: int64 [n], codes as of `SHAPES`.
        sizes: float64 [n,3]. Edges of the box around each block, before its rotation: the axis of a lying cylinder is
            along the first, that of a standing one along the last.
        yaws: float64 [n]. Rotation about the vertical in radians.
        positions: float64 [n,3]. Middles of the blocks; the floor is z = 0.
    """

    shapes: np.ndarray
    sizes: np.ndarray
    yaws: np.ndarray
    positions: np.ndarray


def sample_blocks(rng, number):
    """Draws what is stacked.

    Cuboids and standing cylinders with equal chances; the top block may also be a lying cylinder or a sphere. Edges,
    diameters and lengths are uniform in [0.5, 1].

    Args:
        rng: `numpy.random.Generator`.
        number: int.

    Returns:
        Tuple: shapes int64 [number], sizes float64 [number,3], yaws float64 [number].
    """
    shapes = rng.integers(CUBOID, CYLINDER + 1, number)
    shapes[-1] = rng.integers(CUBOID, SPHERE + 1)
    sizes = rng.uniform(MIN_SIZE, MAX_SIZE, (number, 3))
    round_floor, sphere, lying = shapes == CYLINDER, shapes == SPHERE, shapes == LYING_CYLINDER
    sizes[round_floor, 1] = sizes[round_floor, 0]
    sizes[lying, 2] = sizes[lying, 1]
    sizes[sphere] = sizes[sphere, :1]
    return shapes, sizes, rng.uniform(0.0, 2.0 * np.pi, number)


def inner_radii(shapes, sizes):
    """Smaller half extents of the faces: that each block offers to the next and that it stands on, float64 [n] each."""
    top = sizes[:, :2].min(axis=1) / 2.0
    return top, np.where(shapes <= CYLINDER, top, 0.0)


def centers_of_mass(shapes, sizes, centers):
    """Where the weight of each block and of all above it acts: [n], [n,3], [n,2] -> float64 [n,2]."""
    masses = sizes.prod(axis=1) * _FILL[shapes]
    moments = np.cumsum((masses[:, None] * centers)[::-1], axis=0)
    return (moments / np.cumsum(masses[::-1])[:, None])[::-1]


def stands(shapes, sizes, centers):
    """Whether a tower keeps its balance on every interface.

    The common centre of mass of all blocks above must lie over the circles within both faces that meet.

    Args:
        shapes: int64 [n].
        sizes: float64 [n,3].
        centers: float64 [n,2], horizontal.

    Returns:
        bool.
    """
    above, (top, bottom) = centers_of_mass(shapes, sizes, centers), inner_radii(shapes, sizes)
    lean_below = np.sqrt(((above[1:] - centers[:-1]) ** 2).sum(axis=1))
    lean_above = np.sqrt(((above[1:] - centers[1:]) ** 2).sum(axis=1))
    return bool((lean_below <= top[:-1] + _TINY).all() and (lean_above <= bottom[1:] + _TINY).all())


def reach(shape, size, yaw, angle):
    """Distance from the middle of a block's upper face to its edge in a horizontal direction (radians)."""
    if shape != CUBOID:
        return size[0] / 2.0
    across, along = abs(math.cos(angle - yaw)), abs(math.sin(angle - yaw))
    return 1.0 / max(2.0 * across / size[0], 2.0 * along / size[1])


def falls(tower, below):
    """Whether the weight of all blocks above one acts beyond the edge of its upper face.

    Args:
        tower: `Tower`.
        below: int. Index of the block.

    Returns:
        bool.
    """
    centers = tower.positions[:, :2]
    x, y = centers_of_mass(tower.shapes, tower.sizes, centers)[below + 1] - centers[below]
    angle = math.atan2(y, x)
    return bool(math.hypot(x, y) > reach(tower.shapes[below], tower.sizes[below], tower.yaws[below], angle))


def sample_tower(rng, unstable=False):
    """Draws a tower above the origin.

    The height is uniform in 2..6. Each block is offset from the one below in a uniform direction by a uniform share, up
    to half, of the smaller half extent of the face it stands on; the one tower in 400 that would fall gets other
    offsets.

    Args:
        rng: `numpy.random.Generator`.
        unstable: bool. Whether one block, any but the lowest, and what stands on it are pushed until its middle is 0.05
            beyond the edge of the face below. Offsets are drawn until this makes the tower fall.

    Returns:
        `Tower`.
    """
    number = int(rng.integers(MIN_HEIGHT, MAX_HEIGHT + 1))
    shapes, sizes, yaws = sample_blocks(rng, number)
    limits, below = _MAX_OFFSET * inner_radii(shapes, sizes)[0][:-1], int(rng.integers(0, number - 1))
    heights = np.cumsum(sizes[:, 2]) - sizes[:, 2] / 2.0
    while True:
        angles, distances = rng.uniform(0.0, 2.0 * np.pi, number - 1), rng.uniform(0.0, 1.0, number - 1) * limits
        if not stands(shapes, sizes, _centers(angles, distances)):
            continue
        if unstable:
            distances[below] = reach(shapes[below], sizes[below], yaws[below], angles[below]) + _TOPPLE
        positions = np.concatenate([_centers(angles, distances), heights[:, None]], axis=1)
        tower = Tower(shapes, sizes, yaws, positions)
        if not unstable or falls(tower, below):
            return tower


def _centers(angles, distances):
    """Horizontal places of blocks that are offset from the ones below: float64 [n,2], the lowest at the origin."""
    steps = np.array([(math.cos(angle), math.sin(angle)) for angle in angles]) * distances[:, None]
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
