"""The rows of a benchmark: the experiment, and what `--sweep` makes of it."""

import dataclasses

from absl import flags

from tfobj import flags as experiment_flags
from tfobj.errors import UserError

_SHARED = ("batch_size", "image_size", "precision", "jit_compile", "optimizer")


@dataclasses.dataclass(frozen=True)
class Point:
    """One row.

    Attributes:
        changes: dict from flag to value, what differs from the experiment.
        experiment: `ExperimentConfig` with the changes.
    """

    changes: dict
    experiment: object

    @property
    def label(self):
        """str, "experiment" or such as "batch_size=8"."""
        return " ".join(f"{name}={_text(value)}" for name, value in self.changes.items()) or "experiment"


def points(sweeps):
    """The rows of a benchmark, one sweep after the other, each of which changes one flag of the experiment.

    Args:
        sweeps: Sequence of str such as "batch_size:4,8,16". The flags of the experiment have been read.

    Returns:
        List of `Point`; the experiment as it is comes first, and values that it has already are left out.

    Raises:
        UserError: a sweep is malformed, or its flag or a value is not possible.
    """
    experiment = experiment_flags.read_experiment()
    found = [Point({}, experiment)]
    for sweep in sweeps:
        name, colon, values = sweep.partition(":")
        name, values = name.strip().removeprefix("--"), [value.strip() for value in values.split(",")]
        if not colon or not all(values):
            raise UserError(f"--sweep={sweep!r} is no sweep; expected FLAG:VALUE,VALUE, such as batch_size:4,8,16")
        _refuse_foreign(name, experiment)
        for text in values:
            point = _point(name, text)
            if point.experiment not in [earlier.experiment for earlier in found]:
                found.append(point)
    return found


def _refuse_foreign(name, experiment):
    fields = dataclasses.fields(experiment.model_config)
    known = [*_SHARED, *(field.name for field in fields if not isinstance(field.default, tuple))]
    if name not in known:
        raise UserError(f"--sweep: {name!r} cannot be swept; choose one of: {', '.join(known)}")


def _point(name, text):
    flag = flags.FLAGS[name]
    before = flag.value
    try:
        flag.value = value = flag.parser.parse(text)
        return Point({name: value}, experiment_flags.read_experiment())
    except ValueError as error:
        raise UserError(f"--sweep={name}:{text}: {error}") from None
    finally:
        flag.value = before


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
