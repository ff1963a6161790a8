"""Vectors as triples of components, and rotations, written out so that no BLAS is involved.

A vector is a sequence of three components; a component is a float or an array, all of shapes that broadcast. Sums of
products are evaluated left to right, so results are the same on every machine with IEEE arithmetic.
"""

import math

IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def add(first, second):
    """Component-wise sum."""
    return tuple(a + b for a, b in zip(first, second))


def subtract(first, second):
    """Component-wise difference."""
    return tuple(a - b for a, b in zip(first, second))


def scale(vector, factor):
    """Vector times a number (float or array)."""
    return tuple(a * factor for a in vector)


def dot(first, second):
    """Scalar product."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def cross(first, second):
    """Vector product of two vectors of floats."""
    (a, b, c), (u, v, w) = first, second
    return b * w - c * v, c * u - a * w, a * v - b * u


def unit(vector):
    """A vector of floats divided by its length."""
    return scale(vector, 1.0 / math.sqrt(dot(vector, vector)))


def floats(values):
    """Three Python floats, from a sequence or array of three numbers or from one number."""
    try:
        values = tuple(float(value) for value in values)
    except TypeError:
        values = (float(values),) * 3
    if len(values) != 3:
        raise ValueError(f"expected 3 components, found {len(values)}")
    return values


def apply(matrix, vector):
    """Matrix (three rows) times vector."""
    return tuple(dot(row, vector) for row in matrix)


def transpose(matrix):
    """Rows and columns exchanged: the inverse of a rotation."""
    return tuple(zip(*matrix))


def compose(*rotations):
    """The rotation that applies the last argument first: compose(a, b) v = a (b v)."""
    product = IDENTITY
    for rotation in rotations:
        columns = transpose(rotation)
        product = tuple(tuple(dot(row, column) for column in columns) for row in product)
    return product


def rotation(axis, angle):
    """Rotation about an axis of coordinates.

    Args:
        axis: int, 0 x, 1 y, 2 z.
        angle: float. Radians, counter-clockwise as seen from the axis' tip.

    Returns:
        Tuple of three rows of floats.
    """
    cosine, sine = math.cos(angle), math.sin(angle)
    rows = [list(row) for row in IDENTITY]
    following, last = (axis + 1) % 3, (axis + 2) % 3
    rows[following][following] = rows[last][last] = cosine
    rows[following][last], rows[last][following] = -sine, sine
    return tuple(tuple(row) for row in rows)
