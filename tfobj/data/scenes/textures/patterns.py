"""The twelve families of solid patterns that objects and grounds of the standard scenes wear.

A pattern is a function (points, seed) of float32 [3,M] coordinates, in which its motif has a size of about 1, to the
share float32 [M] in [0,1] of the second of two colours. Patterns fill space, so any surface cuts through them; planes
across an axis cut them well where the coordinate along that axis is near the middle of a lattice cell.
"""

import math

import numpy as np

from tfobj.data.scenes.textures.noise import fractal_noise
from tfobj.data.scenes.textures.noise import hash_cells
from tfobj.data.scenes.textures.noise import hash_unit
from tfobj.data.scenes.textures.noise import lattice_noise
from tfobj.data.scenes.textures.noise import worley
from tfobj.data.scenes.textures.waves import parity
from tfobj.data.scenes.textures.waves import square
from tfobj.data.scenes.textures.waves import step
from tfobj.data.scenes.textures.waves import triangle
from tfobj.data.scenes.textures.waves import wave

_HALF, _ONE = np.float32(0.5), np.float32(1.0)
_JOINT = 0.07  # half the width of the mortar between bricks and tiles
_LOG = np.float32(7.0)  # distance between the axes of the year rings


def along(points, seed):
    """Coordinate along a direction that the seed picks and that is oblique to all axes: float32 [3,M] -> [M]."""
    parts = [0.4 + 0.6 * hash_unit(seed, axis) for axis in range(3)]
    signs = [1.0 if hash_unit(seed, axis + 3) < 0.5 else -1.0 for axis in range(3)]
    length = math.sqrt(sum(part * part for part in parts))
    x, y, z = (np.float32(part * sign / length) * axis for part, sign, axis in zip(parts, signs, points))
    return x + y + z


def checker(points, seed):
    """Cubes of alternating colour."""
    del seed
    x, y, z = (_ONE - 2 * square(axis * _HALF, 0.03) for axis in points)
    return _HALF + _HALF * x * y * z


def stripes(points, seed):
    """Parallel layers across an oblique direction."""
    return square(along(points, seed))


def marble(points, seed):
    """Veins: zeros of a sine whose phase fractal noise disturbs."""
    vein = np.abs(wave(along(points, seed) * np.float32(0.4) + np.float32(0.32) * fractal_noise(points, seed)))
    return _ONE - (_ONE - vein) ** 2


def wood(points, seed):
    """Year rings around logs that lie along the first axis, slightly tilted; the late wood ends sharply."""
    x, y, z = points
    y, z = ((_LOG / 2) * triangle((axis + np.float32(tilt) * x) / _LOG) for axis, tilt in ((y, 0.12), (z, -0.07)))
    radius = np.sqrt(y * y + z * z) + np.float32(0.22) * lattice_noise(points * np.float32(0.9), seed)
    phase = radius * np.float32(1.7)
    phase -= np.floor(phase)
    return phase * phase * step(_ONE - phase, 0.06, 0.12)


def clouds(points, seed):
    """Smooth fractal noise."""
    return np.clip(_HALF + np.float32(0.75) * fractal_noise(points, seed, octaves=4), np.float32(0.0), _ONE)


def speckle(points, seed):
    """Small irregular grains on a plain ground."""
    return step(lattice_noise(points * np.float32(2.6), seed), 0.2, 0.2)


def dots(points, seed):
    """Balls on a body-centred lattice: any axis-parallel plane meets some of them."""
    del seed
    squares = None
    for shift in (np.float32(0.0), _HALF):
        x, y, z = (axis + shift - np.floor(axis + shift) - _HALF for axis in points * np.float32(0.8))
        square_sum = x * x + y * y + z * z
        squares = square_sum if squares is None else np.minimum(squares, square_sum)
    return step(np.sqrt(squares), 0.34, 0.07)


def brick(points, seed):
    """Bricks of two by one by one in running bond, each of its own tone, with mortar between them."""
    x, y, z = points
    row, layer = np.floor(y), np.floor(z)
    x = x * _HALF + _HALF * parity(row, layer)
    return _masonry((x, y, z), (2.0, 1.0, 1.0), seed, 0.35)


def tiles(points, seed):
    """Cubes, each of its own tone, with joints between them."""
    return _masonry(points, (1.0, 1.0, 1.0), seed, 0.75)


def _masonry(points, lengths, seed, variation):
    """Blocks of unit cells: 0 in the joints, elsewhere at most `variation` below 1; `lengths` keep joints as wide."""
    x, y, z = (np.floor(axis).astype(np.int32) for axis in points)
    tone = (hash_cells(x, y, z, seed) >> np.uint32(8)).view(np.int32).astype(np.float32) / np.float32(2 ** 24)
    share = _ONE - np.float32(variation) * tone
    for axis, length in zip(points, lengths):
        share *= step(triangle(axis) * np.float32(length / 2), _JOINT, 0.06)  # distance from the nearest joint
    return share


def cells(points, seed):
    """Distance to the nearest random point: soft round hollows."""
    nearest, _ = worley(points * np.float32(1.2), seed)
    return np.clip(np.float32(1.45) * nearest - np.float32(0.2), np.float32(0.0), _ONE)


def cracks(points, seed):
    """Thin lines where two random points are equally near."""
    nearest, second = worley(points * np.float32(0.9), seed)
    return step(second - nearest, 0.07, 0.08)


def weave(points, seed):
    """Basket work: two strands of one colour, then two across of the other, in turn; strands are rounded by shading."""
    del seed
    x, y, z = points * np.float32(0.85)
    odd = parity(np.floor(x), np.floor(y), np.floor(z))
    warp, weft = (np.abs(wave(t)) for t in (x + z, y + z))  # oblique: every face shows strands
    return np.where(odd > _HALF, np.float32(0.35) + np.float32(0.65) * warp, np.float32(0.65) * (_ONE - weft))


def grass(points, seed):
    """Short blades in two directions; not a family of the table."""
    x, y, z = points
    blades = [np.stack([np.float32(2.4) * (x + y), np.float32(0.7) * (x - y), z]),
              np.stack([np.float32(0.6) * x, np.float32(2.4) * y, z])]
    noise = np.maximum(lattice_noise(blades[0], seed), lattice_noise(blades[1], seed + 1))
    patches = lattice_noise(points * np.float32(0.25), seed + 2)
    return np.clip(np.float32(0.3) + noise + np.float32(0.35) * patches, np.float32(0.0), _ONE)


FAMILIES = {function.__name__: function for function in
            (checker, stripes, marble, wood, clouds, speckle, dots, brick, tiles, cells, cracks, weave)}
