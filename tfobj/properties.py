"""The numbers that describe an object of a set: where they stand and what they mean (Slot Attention, Section 4.2).

An object is a row of 19 numbers: coordinates (c + 3) / 6 for c in [-3,3] (x, y, z), one-hot size, material, shape and
colour, and presence, 1 for real objects. Rows of zeros pad a set. Predictions have the same layout, and their presence
is the confidence, in [0,1]. The rest is in [0,1] too, but for DSPN, whose sets are not clipped: places and scores of
classes may lie outside. Imports nothing heavy.
"""

CLASSES = {
    "size": ("small", "large"),
    "material": ("rubber", "metal"),
    "shape": ("cube", "sphere", "cylinder"),
    "color": ("gray", "blue", "brown", "yellow", "red", "green", "purple", "cyan"),
}
"""Factors that are classes, in the order of a row, with the names of their classes (TFDS' `clevr`)."""

COORDINATES = slice(0, 3)
COORDINATE_FACTOR = "coords_3d"
COORDINATE_RANGE = 6.0
"""Length of the interval [-3,3] that a coordinate takes to [0,1]."""


def _columns():
    columns, start = {}, COORDINATES.stop
    for factor, names in CLASSES.items():
        columns[factor] = slice(start, start + len(names))
        start += len(names)
    return columns, start


COLUMNS, PRESENCE = _columns()
"""Dict from factor to the columns of its one-hot code, and the column of the presence."""

NUM_PROPERTIES = PRESENCE + 1


def describe(rows):
    """Says in words what rows mean.

    Args:
        rows: Sequence of rows, float [N,19].

    Returns:
        List of dicts that JSON can hold, one per row: `confidence` (the presence), `coordinates` (x, y, z; in [-3,3]
        for places in [0,1]), and for each factor of `CLASSES` the name of the most likely class.
    """
    described = []
    for row in rows:
        row = [float(value) for value in row]
        entry = {"confidence": row[PRESENCE],
                 "coordinates": [(value - 0.5) * COORDINATE_RANGE for value in row[COORDINATES]]}
        for factor, names in CLASSES.items():
            code = row[COLUMNS[factor]]
            entry[factor] = names[code.index(max(code))]
        described.append(entry)
    return described
