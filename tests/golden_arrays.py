"""Arrays that the reference implementations produced, and the error measure that they are compared with.

`TFOBJ_GOLDEN_DIR` names another directory with files of the same names and keys; sizes and options are read from the
arrays, so those may differ. The default is `tests/golden`.
"""

import os
import pathlib

import numpy as np


def directory():
    """Returns the directory of the golden arrays."""
    return pathlib.Path(os.environ.get("TFOBJ_GOLDEN_DIR") or pathlib.Path(__file__).parent / "golden")


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
        return {name: archive[name] for name in archive.files}


def relative_error(actual, expected):
    """Returns the largest absolute difference divided by the largest expected magnitude; inf if shapes differ."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if actual.shape != expected.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    return float(np.max(np.abs(actual - expected)) / max(np.max(np.abs(expected)), 1e-30))
