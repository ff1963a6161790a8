"""A .npy file that is written row by row."""

import contextlib
import os
import shutil

import numpy as np

from tfobj.errors import UserError


class ArrayFile:
    """Appends rows to a new .npy file. Use it in a `with`; it is whole when as many rows as announced were added.

    Args:
        path: str or path. An older file is overwritten.
        count: int. Rows in the end.
        shape: Tuple of int. Shape of a row.
        dtype: NumPy dtype or its name.

    Attributes:
        done: int. Rows so far.

    Raises:
        OSError: the file cannot be written, here or in `add`.
    """

    def __init__(self, path, count, shape, dtype):
        self.done, self._dtype = 0, np.dtype(dtype)
        self._file = open(path, "wb")
        np.lib.format.write_array_header_1_0(self._file, {
            "descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (count, *shape)})

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        # What cannot be written is met again at closing; the first error is the one to tell.
        with contextlib.suppress(OSError) if kind else contextlib.nullcontext():
            self._file.close()

    def add(self, rows):
        """Appends an array [n, ...]; it is cast."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self.done += len(rows)

    def sync(self):
        """Returns when what was added is on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())


def check_room(directory, needed, what, remedy, reusable=0):
    """Checks that files fit on a disk before hours are spent on them.

    Args:
        directory: str or path that exists.
        needed: int. Bytes.
        what: str. Begins the message: what needs them.
        remedy: str. Ends it: what else to do than to make room.
        reusable: int. Bytes that will be overwritten.

    Raises:
        UserError: they do not.
    """
    free = shutil.disk_usage(directory).free + reusable
    if needed > free:
        raise UserError(f"{directory}: {what} need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; free space, or "
                        f"{remedy}")
