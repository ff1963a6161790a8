"""Reads TFRecord files to the end and says how far they are sound."""

import gzip
import os
import sys

import tensorflow as tf
from rich.progress import track

_FRAME_BYTES = 16  # length, its checksum, checksum of the content
_BUFFER_BYTES = 8 << 20


def scan_records(path, compression, visit, report, mend, total=None):
    """Reads every record of a file; checksums are verified on the way.

    Args:
        path: str.
        compression: str, "" or "GZIP".
        visit: Callable (index, serialized record).
        report: `HealthReport` that gets the problems.
        mend: str. What to do about a damaged file.
        total: int or None. How many records there should be, for the progress bar.

    Returns:
        int, readable records.
    """
    count, size = 0, 0
    try:
        records = tf.data.TFRecordDataset(path, compression, _BUFFER_BYTES).as_numpy_iterator()
        for record in track(records, os.path.basename(path), total, transient=True, disable=not sys.stdout.isatty()):
            visit(count, record)
            count, size = count + 1, size + len(record) + _FRAME_BYTES
    except tf.errors.DataLossError as error:
        state = "cut off" if "truncated" in error.message else "damaged"
        readable = {0: "it is the first, so nothing is readable", 1: "only the one before it is readable"}.get(
            count, f"only the {count:,} before it are readable")
        report.problem(f"{path}: record {count} (counted from 0) is {state}; {readable}", mend)
        return count
    if not _ends_properly(path, compression, size):
        report.problem(f"{path}: the file is cut off behind its {count:,} readable records", mend)
    elif count == 0:
        report.problem(f"{path}: holds no records", mend)
    return count


def _ends_properly(path, compression, size):
    """Whether the file ends behind its last record; a cut there reads like a regular end otherwise."""
    if compression == "":
        return os.path.getsize(path) == size
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(), "little") == size % (1 << 32):  # the trailer's size of the content
            return True
    return _gzip_is_whole(path)  # several members, or indeed cut off


def _gzip_is_whole(path):
    try:
        with gzip.open(path) as stream:
            while stream.read(_BUFFER_BYTES):
                pass
    except (EOFError, gzip.BadGzipFile):
        return False
    return True
