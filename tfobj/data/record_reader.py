"""Reads the released TFRecord files of the multi-object family, in order."""

import numpy as np
import tensorflow as tf

from tfobj.data import records
from tfobj.data.tfrecord_files import sniff_compression
from tfobj.data.wire_format import MalformedExample
from tfobj.errors import UserError

_BUFFER_BYTES = 8 << 20
_READ_AHEAD = 16  # records, which are up to 3.2 MB
_JUDGED = 100  # records by which the order of the planes is judged; in one alone an object may be the largest


def read_records(path, family, start=0, count=None):
    """Yields the decoded records of a file.

    Args:
        path: str. GZIP or uncompressed TFRecord; the content decides, not the name.
        family: `tfobj.data.records.RecordFamily`.
        start: int. Records to skip; they have to be read all the same.
        count: int or None. At most so many; None: to the end.

    Yields:
        dict of NumPy arrays as of `tfobj.data.records.parse_record`.

    Raises:
        UserError: the file is missing, no TFRecord, damaged, or holds something else than `family`.
    """
    return _converted(path, family, start, count, lambda record: record)


def read_scenes(path, family, count=None, objects_room_fix=False):
    """Yields the first `count` (None: all) records as scenes, see `tfobj.data.records.canonical_scene`.

    Raises:
        UserError: as `read_records`, or the masks do not keep to the conventions.
    """
    order = _PlaneOrder(path, family, _JUDGED if count is None else min(count, _JUDGED))

    def convert(record):
        scene = records.canonical_scene(record, family, objects_room_fix)
        order.add(record["mask"])
        return scene

    yield from _converted(path, family, 0, count, convert)
    order.judge()


class _PlaneOrder:
    """Sees to it that the background comes first: over many records it covers more pixels than any object.

    Args:
        path: str, for the error.
        family: `tfobj.data.records.RecordFamily`.
        count: int. Records by which to judge.
    """

    def __init__(self, path, family, count):
        self._path, self._family, self._count = path, family, count
        self._seen, self._areas = 0, np.zeros(family.num_entities, np.int64)

    def add(self, planes):
        """Takes the planes of one record, uint8 [E,H,W]; judges when there have been enough."""
        if self._seen < self._count:
            self._areas += np.count_nonzero(planes, axis=(1, 2))
            self._seen += 1
            if self._seen == self._count:
                self.judge()

    def judge(self):
        """Raises `UserError` if the largest plane is none of the background's."""
        largest, first = int(self._areas.argmax()), self._family.background_entities
        if largest >= first:
            raise UserError(f"{self._path}: mask plane {largest} is the largest in records 0 to {self._seen - 1}, "
                            f"expected the background in plane 0{f' to {first - 1}' if first > 1 else ''}; run "
                            f"`{_check_command(self._path)}` to see what it holds")


def _check_command(path):
    return f"python -m tfobj.prepare --check --file={path}"


def _converted(path, family, start, count, convert):
    for index, serialized in _serialized(path, family, start, count):
        try:
            yield convert(records.parse_record(serialized, family))
        except MalformedExample as error:
            raise UserError(f"{path}: record {index} is not of the kind {family.folder} ({error}); run "
                            f"`{_check_command(path)}` to see what it holds") from error


def _serialized(path, family, start, count):
    """Yields (index, serialized record)."""
    dataset = tf.data.TFRecordDataset(path, sniff_compression(path), _BUFFER_BYTES).skip(start)
    dataset = dataset if count is None else dataset.take(count)
    index = start
    try:
        for serialized in dataset.prefetch(_READ_AHEAD).as_numpy_iterator():  # a thread of TensorFlow inflates
            yield index, serialized
            index += 1
    except tf.errors.DataLossError as error:
        raise UserError(f"{path}: record {index} is damaged or cut off, the {index} records before it are readable; "
                        f"fetch the file again from {family.url}") from error
