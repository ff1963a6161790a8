"""Random access to the records of TFRecord files."""

import mmap
import os
import struct
import weakref

import numpy as np

from tfobj.data.array_cache import cached_array
from tfobj.errors import UserError

_LENGTH = struct.Struct("<Q")
_HEADER_BYTES = 12  # length and its checksum
_FOOTER_BYTES = 4  # checksum of the content


class RecordIndex:
    """The records of a list of uncompressed TFRecord files, numbered through in file order.

    A record is found through a table of byte offsets: 16 bytes of memory per record, 3 microseconds to read one from
    the page cache, whichever one it is. This is what lets the input pipeline start at any step of any epoch.

    Args:
        paths: Sequence of str. The files.
        counts: Sequence of int. Records that each file must hold.
        cache_directory: str. Where the table of offsets is kept between runs.
        cache_name: str. Name of that table; must change with the files.

    Raises:
        UserError: a file is missing, cut off, or holds another number of records.
    """

    def __init__(self, paths, counts, cache_directory, cache_name):
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._files = []  # descriptors, open for the life of this object
        weakref.finalize(self, _close, self._files)
        try:
            self._files.extend(os.open(path, os.O_RDONLY) for path in paths)
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}; prepare the data set again") from error
        self._table = cached_array(cache_directory, cache_name, lambda: np.concatenate(
            [np.zeros([0, 2], np.int64)] + [_scan(path, count) for path, count in zip(paths, counts)]))

    def __len__(self):
        return int(self._starts[-1])

    def read(self, positions):
        """Returns the records at `positions` (sequence of int) as an object array of bytes, in the same order."""
        files = np.searchsorted(self._starts, positions, side="right") - 1
        records = np.empty(len(positions), dtype=object)
        for i, (file, (offset, size)) in enumerate(zip(files, self._table[positions])):
            records[i] = os.pread(self._files[file], int(size), int(offset))
        return records


def _close(files):
    for file in files:
        os.close(file)


def _scan(path, expected):
    """Offsets and sizes [expected,2] of the records of one file, from the chain of record lengths."""
    if os.path.getsize(path) == 0:
        _check(path, expected, 0, whole=True)
        return np.zeros([0, 2], np.int64)
    table, position = [], 0
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content)
        while position + _HEADER_BYTES <= end:
            size = _LENGTH.unpack_from(content, position)[0]
            if position + _HEADER_BYTES + size + _FOOTER_BYTES > end:
                break
            table.append((position + _HEADER_BYTES, size))
            position += _HEADER_BYTES + size + _FOOTER_BYTES
    _check(path, expected, len(table), whole=position == end)
    return np.array(table, np.int64).reshape(-1, 2)  # [records,2]


def _check(path, expected, found, whole):
    if found != expected or not whole:
        state = "complete records" if whole else "complete records, then a broken one"
        raise UserError(f"{path}: {found} {state}, expected {expected}; the file is damaged, delete its directory and "
                        "prepare the data set again")
