"""Reads the released TFRecord files of the multi-object family, in order."""

import tensorflow as tf

from tfobj.data import records
from tfobj.data.tfrecord_files import sniff_compression
from tfobj.data.wire_format import MalformedExample
from tfobj.errors import UserError

_BUFFER_BYTES = 8 << 20
_READ_AHEAD = 16  # records, which are up to 3.2 MB


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
        UserError: as `read_records`.
    """
    return _converted(path, family, 0, count,
                      lambda record: records.canonical_scene(record, family, objects_room_fix))


def _converted(path, family, start, count, convert):
    for index, serialized in _serialized(path, family, start, count):
        try:
            yield convert(records.parse_record(serialized, family))
        except MalformedExample as error:
            raise UserError(f"{path}: record {index} is not of the kind {family.folder} ({error}); run "
                            f"`python -m tfobj.prepare --check --file={path}` to see what it holds") from error


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
