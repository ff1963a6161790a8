"""What to do with a data set that has just been prepared: the command that trains on it, or scores on it."""

import glob
import os

from tfobj import registry
from tfobj.config import DataConfig

_EXPERIMENTS = os.path.join("experiments", "*.flags")
_FIRST_MODEL = "slot_attention"  # trains fastest
_CHOICES = ("dataset", "dataset_variant", "dataset_config", "data_dir")


def after_preparation(data_config, splits):
    """One line that says how to go on.

    Args:
        data_config: `tfobj.config.DataConfig` of the prepared set.
        splits: Collection of str, its splits.

    Returns:
        str.
    """
    wanted = {name: getattr(data_config, name) for name in _CHOICES}
    wanted["dataset_variant"] = registry.dataset_variant(data_config.dataset, data_config.dataset_variant)
    if "train" not in splits:
        return f"score a model on it: python -m tfobj.evaluate --run_dir=RUN{_flags(wanted)}"
    path, given = min(_experiments(wanted), default=(None, None), key=lambda found: (
        found[1].get("dataset_config") != wanted["dataset_config"], found[1].get("model") != _FIRST_MODEL, found[0]))
    if path is None:
        return (f"train on it: python -m tfobj.train --flagfile=experiments/NAME.flags{_flags(wanted)}, with an "
                "experiment for images of this size")
    return f"train on it: python -m tfobj.train --flagfile={path}{_flags(wanted, given)}"


def _experiments(wanted):
    """Pairs (path, flags as of `_read`) of the experiments on the same data set and variant."""
    experiments = [(path, _read(path)) for path in glob.glob(_EXPERIMENTS)]
    first = registry.dataset_variant(wanted["dataset"], "")
    return [(path, given) for path, given in experiments if given.get("dataset") == wanted["dataset"]
            and given.get("dataset_variant", first) == wanted["dataset_variant"]]


def _read(path):
    """The flags of a flagfile and of those it names, dict from name to text; later ones win."""
    given = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, _, value = line.strip().removeprefix("--").partition("=")
            if line.startswith("--flagfile=") and os.path.isfile(value):
                given.update(_read(value))
            elif line.startswith("--"):
                given[name] = value
    return given


def _flags(wanted, given=None):
    """The flags that have to be added to those that are given."""
    defaults = DataConfig()
    given = given or {}
    return "".join(f" --{name}={value}" for name, value in wanted.items()
                   if value != given.get(name, getattr(defaults, name)))
