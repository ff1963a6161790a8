"""Which stored properties of objects are regressed on each data set, and in which order scenes list their objects.

The targets of CLEVR, Multi-dSprites and Tetrominoes are those of IODINE's factor regression; the others follow them.
Entity 0 is the background: class 0 of every categorical factor, and nowhere asked for a number.
"""

import dataclasses

import numpy as np

from tfobj.errors import UserError
from tfobj.metrics.factors import ANGLE
from tfobj.metrics.factors import CATEGORICAL
from tfobj.metrics.factors import Factor
from tfobj.metrics.factors import SCALAR

_BACKGROUND = ("background", "0")  # names of a class 0 that stands for no object


@dataclasses.dataclass(frozen=True)
class Column:
    """One factor and where its values come from.

    Attributes:
        factor: `tfobj.metrics.factors.Factor`.
        stored: Tuple of names of stored factors, which are put side by side.
        classes: Tuple of str, the names of the classes of objects; empty for numbers.
    """

    factor: Factor
    stored: tuple
    classes: tuple = ()


def _categorical(*names):
    return {name: (CATEGORICAL, (name,)) for name in names}


def _numbers(*names):
    return {name: (SCALAR, (name,)) for name in names}


_PLACE, _COLOR = {"position": (SCALAR, ("column", "row"))}, _numbers("color")
# Position: column and row in the whole frame, and depth.
_CLEVR = {**_categorical("color", "shape", "size"), "position": (SCALAR, ("pixel_coords",))}
_TEXTURED = {**_categorical("shape", "size", "material"), "position": (SCALAR, ("pixel_coords",))}
_TABLE = {
    "clevr_masks": _CLEVR,
    "clevr_properties": _CLEVR,
    "clevrtex": _TEXTURED,
    "clevrtex/vbg": {**_TEXTURED, **_categorical("color")},  # elsewhere the colour has no meaning
    "colored_shapes": {**_PLACE, **_COLOR, **_categorical("shape"), **_numbers("radius")},
    "multi_dsprites": {**_COLOR, **_categorical("shape"), **_numbers("scale", "x", "y"),
                       "orientation": (ANGLE, ("orientation",))},
    "objects_room": {**_COLOR, **_categorical("shape"), **_numbers("size", "position")},
    "shapes": {**_PLACE, **_categorical("shape")},
    "shapestacks": {**_categorical("color", "shape"), **_numbers("size", "position")},
    "tetrominoes": {**_PLACE, **_COLOR, **_categorical("shape")},
}
_ORDER = ("size", "scale", "radius", "material", "shape", "pixel_coords", "position", "x", "y", "column", "row")
"""Stored factors by which the objects of a scene are sorted, in decreasing precedence (IODINE, Figure 5)."""


def columns(data_config, described, class_names):
    """The factors of a data set.

    Args:
        data_config: `tfobj.config.DataConfig`.
        described: What `factors()` of an evaluation input returns; texts get their classes from it.
        class_names: Dict from stored factor to the names of its classes.

    Returns:
        List of `Column`.

    Raises:
        UserError: no factors are known of this data set.
    """
    rows = _TABLE.get(f"{data_config.dataset}/{data_config.dataset_variant}", _TABLE.get(data_config.dataset))
    if rows is None:
        raise UserError(f"--analysis=factors: --dataset={data_config.dataset} does not describe its objects")
    return [_column(name, kind, stored, described, class_names) for name, (kind, stored) in rows.items()]


def targets(column, described):
    """The values of a factor, with the background before the objects.

    Args:
        column: `Column`.
        described: As for `columns`.

    Returns:
        int32 [n,N+1], classes, the background and absent objects 0 and unknown texts -1, or float32 [n,N+1,size],
        zero there.
    """
    exists, values = described["visibility"][:, 1:], [described["objects"][name] for name in column.stored]
    if column.factor.kind == CATEGORICAL:
        first = column.factor.size - len(column.classes)
        codes = _codes(values[0], column.classes) if _is_text(values[0]) else values[0].astype(np.int32)
        return np.pad(np.where(exists, np.where(codes < 0, -1, codes + first), 0), ((0, 0), (1, 0))).astype(np.int32)
    parts = [value.reshape(*exists.shape, -1) for value in values]  # [n,N,d]
    numbers = np.concatenate(parts, axis=-1) * exists[..., None]
    return np.pad(numbers, ((0, 0), (1, 0), (0, 0))).astype(np.float32)


def canonical_order(described):
    """Positions of the objects of every scene in the order of `_ORDER`, absent ones last: int [n,N]."""
    exists, objects = described["visibility"][:, 1:], described["objects"]
    keys = [part for name in _ORDER if name in objects
            for part in np.moveaxis(objects[name].reshape(*exists.shape, -1), -1, 0)]
    keys = [np.unique(key, return_inverse=True)[1].reshape(exists.shape) for key in keys]  # texts, too, as numbers
    return np.lexsort([*reversed(keys), ~exists], axis=-1)


def _column(name, kind, stored, described, class_names):
    values = [described["objects"][part] for part in stored]
    if kind != CATEGORICAL:
        return Column(Factor(name, kind, sum(int(np.prod(value.shape[2:])) for value in values)), stored)
    names = class_names.get(stored[0])
    if names is None:
        texts = np.unique(values[0][described["visibility"][:, 1:]].astype(bytes))
        names = tuple(text.decode() for text in texts)
    offset = 0 if names[0] in _BACKGROUND else 1
    return Column(Factor(name, kind, len(names) + offset), stored, tuple(names))


def _is_text(values):
    return values.dtype.kind in "SO"


def _codes(texts, names):
    """Positions of texts among names, -1 for others."""
    known = {name.encode(): code for code, name in enumerate(names)}
    return np.vectorize(lambda text: known.get(bytes(text), -1), otypes=[np.int32])(texts)
