"""Arrays that the reference implementations produced, and the error measure that they are compared with.

`TFOBJ_GOLDEN_DIR` names another directory with files of the same names and keys; sizes and options are read from the
arrays, so those may differ. The default is `tests/golden`. With `TFOBJ_GOLDEN_REPORT=1` the largest error per file is
printed at the end, of forward arrays and of gradients.
"""

import atexit
import os
import pathlib

import numpy as np

_names = {}  # id of an array -> (the array, file, whether it is a gradient); holding the array keeps its id unique
_largest = {}  # (file, whether gradients) -> (largest relative error, number of comparisons)


def directory():
    """Returns the directory of the golden arrays."""
    return pathlib.Path(os.environ.get("TFOBJ_GOLDEN_DIR") or pathlib.Path(__file__).parent / "golden")


def is_full():
    """Whether other arrays than the shipped ones were asked for."""
    return directory() != pathlib.Path(__file__).parent / "golden"


def load(stem):
    """Reads one archive.

    Args:
        stem: str. File name without `.npz`.

    Returns:
        Dict name -> array.

    Raises:
        FileNotFoundError: with the path that was looked for.
    """
    path = directory() / f"{stem}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; TFOBJ_GOLDEN_DIR must hold the golden arrays")
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return named(stem, arrays)


def named(stem, arrays):
    """Says that arrays, a dict by name, belong to the archive `stem`, for the report; returns them."""
    _names.update((id(array), (array, stem, "grad" in name)) for name, array in arrays.items())
    return arrays


def relative_error(actual, expected):
    """Returns the largest absolute difference divided by the largest expected magnitude; inf if shapes differ.

    Two NaN in the same place do not differ.

    Args:
        actual: Array.
        expected: Array; one that `load` or `named` returned is counted in the report.
    """
    error = _relative_error(actual, expected)
    if id(expected) in _names:
        place = _names[id(expected)][1:]
        largest, count = _largest.get(place, (0.0, 0))
        _largest[place] = (max(largest, error), count + 1)
    return error


def report():
    """Returns one line per file with the largest relative errors so far."""
    lines = []
    for stem in sorted({stem for stem, _ in _largest}):
        parts = [f"{kind} {_largest[stem, gradients][0]:.1e} of {_largest[stem, gradients][1]}"
                 for gradients, kind in ((False, "forward"), (True, "gradients")) if (stem, gradients) in _largest]
        lines.append(f"{stem:<28} largest relative error: {', '.join(parts)} comparisons")
    return "\n".join(lines)


def _relative_error(actual, expected):
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if actual.shape != expected.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    both = np.isnan(actual) & np.isnan(expected)
    actual, expected = np.where(both, 0.0, actual), np.where(both, 0.0, expected)
    return float(np.max(np.abs(actual - expected)) / max(np.max(np.abs(expected)), 1e-30))


if os.environ.get("TFOBJ_GOLDEN_REPORT") == "1":
    atexit.register(lambda: print(report()))
