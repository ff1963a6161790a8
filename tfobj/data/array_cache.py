"""Small arrays that are slow to compute and live beside the data they describe."""

import hashlib
import os
import tempfile

import numpy as np

CACHE = ".tfobj"
"""Directory beside the prepared files that holds what is computed from them."""


def files_key(paths):
    """A part of a name that changes whenever one of the files is written again; str, 16 hexadecimal digits.

    Args:
        paths: Sequence of str; files that do not exist are left out.
    """
    stats = [os.stat(path) for path in paths if os.path.exists(path)]
    text = repr([(stat.st_size, stat.st_mtime_ns) for stat in stats])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cached_array(directory, name, compute):
    """Returns the array stored as `<directory>/<name>.npy`, computing and storing it when it is not there.

    Several processes may ask at once: the file appears by an atomic rename and all of them compute the same array.
    A directory that cannot be written is no error; the array is then computed by every process that needs it.

    Args:
        directory: str. Created if possible.
        name: str. Must change whenever the array would (put a fingerprint into it).
        compute: Callable without arguments that returns a `np.ndarray`.

    Returns:
        np.ndarray, in memory.
    """
    path = os.path.join(directory, name + ".npy")
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError):  # absent, or damaged: the array is computed again
        array = compute()
    try:
        store_array(path, array)
    except OSError:
        pass
    return array


def store_array(path, array):
    """Writes `array` to the file `path` (.npy) under a temporary name first; raises OSError if that is impossible."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=".partial", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, array)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
