"""Which scenes are kept: by the number of their objects, and by what the objects are."""

import numpy as np

from tfobj.data import object_descriptions
from tfobj.errors import UserError

_FLAGS = "/".join(f"--{flag}" for flag in object_descriptions.FLAGS)


def kept_positions(source, split, data_config):
    """Positions int64 [n], ascending, of the examples of `split` that pass the object filters.

    Raises:
        UserError: contradictory or malformed filters, or filters on what the data do not say.
    """
    minimum, maximum = data_config.min_objects, data_config.max_objects
    if maximum and minimum > maximum:
        raise UserError(f"--min_objects={minimum} is above --max_objects={maximum}; no scene can pass both")
    kept = np.ones(source.num_examples(split), bool)
    if minimum or maximum:
        counts = source.object_counts(split)
        kept &= (counts >= minimum) & ((counts <= maximum) | (not maximum))
    for flag in object_descriptions.FLAGS:
        for description in object_descriptions.parse_descriptions(data_config, flag):
            kept &= _shows(source, split, description, flag) == (flag == "require_objects")
    return np.flatnonzero(kept)


def described(data_config):
    """The filters as flags, for messages; str."""
    return (f"--min_objects={data_config.min_objects}, --max_objects={data_config.max_objects}, "
            f"--exclude_objects={data_config.exclude_objects!r} and --require_objects={data_config.require_objects!r}")


def no_counts(name):
    """The `UserError` of a data set (str) that cannot count objects."""
    return UserError(f"--min_objects/--max_objects: --dataset={name} does not say how many objects its images show; "
                     "leave both at 0")


def no_classes(name, factor, known):
    """The `UserError` of a data set (str) that does not know a factor (str); `known` are those that it knows."""
    remedy = f"it knows {', '.join(sorted(known))}" if known else "leave the flag out"
    return UserError(f"{_FLAGS}: --dataset={name} does not say the {factor!r} of its objects; {remedy}")


def classes(exists, values, names):
    """Classes of the objects of some scenes.

    Args:
        exists: bool [n,N].
        values: [n,N]. Codes, or texts as bytes.
        names: Tuple of str, those of the codes. None for texts: the names are then the texts that occur.

    Returns:
        Tuple of codes, int16 [n,N], -1 where there is no object, and their names, tuple of str.
    """
    if names is None:
        texts = np.unique(values[exists])
        values, names = np.searchsorted(texts, values), tuple(text.decode() for text in texts)
    return np.where(exists, values, -1).astype(np.int16), names


def _shows(source, split, description, flag):
    """bool [N]: the scenes in which at least one object fits the whole description."""
    fits = True
    for factor, name in description.items():
        codes, names = source.object_classes(split, factor)
        if name not in names:
            raise UserError(f"--{flag}: no {factor} of this data set is called {name!r}; choose one of: "
                            f"{', '.join(names)}")
        fits = fits & (codes == names.index(name))
    return fits.any(axis=1)
