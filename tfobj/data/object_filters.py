"""Which scenes are kept: by the number of their objects, and by what the objects are."""

import numpy as np

from tfobj.data.exclusions import parse_exclusions
from tfobj.errors import UserError


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
    for description in parse_exclusions(data_config.exclude_objects):
        kept &= ~_shows(source, split, description)
    return np.flatnonzero(kept)


def described(data_config):
    """The filters as flags, for messages; str."""
    return (f"--min_objects={data_config.min_objects}, --max_objects={data_config.max_objects} and "
            f"--exclude_objects={data_config.exclude_objects!r}")


def no_counts(name):
    """The `UserError` of a data set (str) that cannot count objects."""
    return UserError(f"--min_objects/--max_objects: --dataset={name} does not say how many objects its images show; "
                     "leave both at 0")


def no_classes(name, factor, known):
    """The `UserError` of a data set (str) that does not know a factor (str); `known` are those that it knows."""
    remedy = f"it knows {', '.join(known)}" if known else "leave the flag out"
    return UserError(f"--exclude_objects: --dataset={name} does not say the {factor!r} of its objects; {remedy}")


def _shows(source, split, description):
    """bool [N]: the scenes in which at least one object fits the whole description."""
    fits = True
    for factor, name in description.items():
        codes = source.class_codes(split, factor)
        names = source.class_names[factor]
        if name not in names:
            raise UserError(f"--exclude_objects: no {factor} of this data set is called {name!r}; choose one of: "
                            f"{', '.join(names)}")
        fits = fits & (codes == names.index(name))
    return fits.any(axis=1)
