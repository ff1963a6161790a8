"""Noise on the integer lattice of space.

The random numbers of a lattice cell come from an integer hash, so there is no table and no state: any point can be
evaluated alone. Everything here is built from float32 sums, products and square roots and from uint32 arithmetic, all
of which every CPU rounds alike.
"""

import numpy as np

_AXIS_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
_SEED_FACTOR = 0x27D4EB2F
_WORD = 0xFFFFFFFF
_SIGN_BIT = np.uint32(0x80000000)
_PAIR = np.array([[0], [1]], np.int32)  # the two lattice planes around a point, per axis
_TRIPLE = np.array([[-1], [0], [1]], np.int32)  # a cell and its neighbours, per axis
_NOISE_SCALE = np.float32(0.98)  # brings the extremes of the gradient noise close to -1 and 1
_OCTAVE_SHIFT = np.array([[0.31], [0.57], [0.73]], np.float32)  # keeps the zeros of the octaves apart
_JITTER = np.float32(0.9)  # feature points stay this close to the middle of their cell: the 27 nearest cells suffice
_TEN_BITS = np.uint32(1023)


def _mix(values):
    """Scrambles uint32 values in place so that every bit depends on all bits; returns them."""
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x7FEB352D)
    values ^= values >> np.uint32(15)
    values *= np.uint32(0x846CA68B)
    values ^= values >> np.uint32(16)
    return values


def hash_cells(x, y, z, seed):
    """Random bits of lattice cells.

    Args:
        x: int32 array of cell coordinates.
        y: int32 array that broadcasts against `x`.
        z: int32 array that broadcasts against `x`.
        seed: int. Another seed gives unrelated bits.

    Returns:
        uint32 array of the common shape.
    """
    parts = [axis.view(np.uint32) * np.uint32(factor) for axis, factor in zip((x, y, z), _AXIS_FACTORS)]
    return _mix(parts[0] + parts[1] + (parts[2] + np.uint32(seed * _SEED_FACTOR & _WORD)))


def hash_unit(*keys):
    """A random float in [0,1) that depends on integers alone, with 32 random bits; the keys' order matters."""
    value = 0
    for key in keys:
        value = int(_mix(np.array([(value * _AXIS_FACTORS[0] + key + 1) & _WORD], np.uint32))[0])
    return value / 2.0 ** 32


def fade(t):
    """Quintic step of Perlin (2002): 0 at 0 and 1 at 1 with vanishing first and second derivatives there."""
    return t * t * t * (t * (t * np.float32(6.0) - np.float32(15.0)) + np.float32(10.0))


def lattice_noise(points, seed):
    """Gradient noise after Perlin (2002), with the eight space diagonals as gradients.

    Args:
        points: float32 [3,M]; the lattice spacing is 1, coordinates below 2^20 in magnitude.
        seed: int.

    Returns:
        float32 [M], within [-1.2, 1.2], mean 0, standard deviation about 0.34; smooth, and 0 on lattice points.
    """
    floor = np.floor(points)
    inside = points - floor  # [3,M] in [0,1)
    cells = floor.astype(np.int32)
    x, y, z = cells[0] + _PAIR, cells[1] + _PAIR, cells[2] + _PAIR  # [2,M]
    bits = hash_cells(x[:, None, None], y[:, None], z, seed)  # [2,2,2,M]
    offsets = inside[:, None] - _PAIR.astype(np.float32)  # [3,2,M]
    dx, dy, dz = offsets.view(np.uint32)
    # A random sign per axis: the dot product with a diagonal.
    values = (dx[:, None, None] ^ (bits & _SIGN_BIT)).view(np.float32)
    bits <<= np.uint32(1)
    values = values + (dy[:, None] ^ (bits & _SIGN_BIT)).view(np.float32)
    bits <<= np.uint32(1)
    values += (dz ^ (bits & _SIGN_BIT)).view(np.float32)
    for weight in fade(inside):
        values = values[0] + weight * (values[1] - values[0])
    return values * _NOISE_SCALE


def fractal_noise(points, seed, octaves=3):
    """Sum of lattice noises, each of twice the frequency and half the amplitude of the one before.

    Args:
        points: float32 [3,M].
        seed: int.
        octaves: int >= 1.

    Returns:
        float32 [M], about [-1,1], mean 0.
    """
    total = lattice_noise(points, seed)
    for octave in range(1, octaves):
        frequency = np.float32(2.0 ** octave)
        total += lattice_noise(points * frequency + _OCTAVE_SHIFT * np.float32(octave), seed + octave) / frequency
    return total


def worley(points, seed):
    """Distances to the two nearest feature points, one random point per lattice cell (Worley 1996).

    Args:
        points: float32 [3,M]; coordinates below 2^20 in magnitude.
        seed: int.

    Returns:
        Tuple of float32 [M] arrays: F1 <= F2.
    """
    floor = np.floor(points)
    cells = floor.astype(np.int32)
    x, y, z = cells[0] + _TRIPLE, cells[1] + _TRIPLE, cells[2] + _TRIPLE  # [3,M]
    bits = hash_cells(x[:, None, None], y[:, None], z, seed)  # [3,3,3,M]
    # Corner of each cell, plus what keeps the jitter in the middle, relative to the point: [3,3,M] axis, cell, point.
    corners = (floor - points)[:, None] + (_TRIPLE.astype(np.float32) + (1 - _JITTER) / 2)
    squares = _squared_step(bits, 0, corners[0][:, None, None])
    squares += _squared_step(bits, 10, corners[1][:, None])
    squares += _squared_step(bits, 20, corners[2])
    first, *others = squares.reshape(27, -1)
    second = np.full_like(first, np.inf)
    for square in others:
        np.minimum(second, np.maximum(first, square), out=second)
        np.minimum(first, square, out=first)
    return np.sqrt(first), np.sqrt(second)


def _squared_step(bits, shift, corner):
    """Squared distance along one axis from the points to the feature points, from ten of the random bits."""
    step = ((bits >> np.uint32(shift)) & _TEN_BITS).view(np.int32).astype(np.float32)
    step *= _JITTER / np.float32(1023.0)
    step += corner
    step *= step
    return step
