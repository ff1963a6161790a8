"""Reads the released TFRecord files of the multi-object family, piece by piece and in order."""

import dataclasses

import tensorflow as tf

from tfobj.data import record_conversion
from tfobj.data.tfrecord_files import sniff_compression
from tfobj.errors import UserError

CHUNK_BYTES = 8 << 20  # about three records of CLEVR, seventy of Objects Room, three hundred of Tetrominoes
_BUFFER_BYTES = 8 << 20
_READ_AHEAD = 8  # records, which are up to 3.2 MB


def chunks(path, family, start=0, count=None):
    """Yields the serialized records of a file in order.

    Args:
        path: str. GZIP or uncompressed TFRecord; the content decides, not the name.
        family: `tfobj.data.records.RecordFamily`.
        start: int. Records to skip; they have to be read all the same.
        count: int or None. At most so many; None: to the end.

    Yields:
        `tfobj.data.record_conversion.Chunk` of about `CHUNK_BYTES`. Where the file is damaged the last one says so.

    Raises:
        UserError: the file is missing or no TFRecord.
    """
    dataset = tf.data.TFRecordDataset(path, sniff_compression(path), _BUFFER_BYTES).skip(start)
    dataset = dataset if count is None else dataset.take(count)
    pending, size = record_conversion.Chunk(path, family, start), 0
    records = dataset.prefetch(_READ_AHEAD).as_numpy_iterator()  # read and inflated by a thread of TensorFlow
    while True:
        try:
            record = next(records, None)
        except tf.errors.DataLossError:
            yield dataclasses.replace(pending, damaged=True)
            return
        if record is None:
            break
        pending.records.append(record)
        size += len(record)
        if size >= CHUNK_BYTES:
            yield pending
            pending, size = record_conversion.Chunk(path, family, pending.end), 0
    if pending.records:
        yield pending


def read_records(path, family, start=0, count=None):
    """Yields the decoded records of a file in order.

    Args:
        path: str. As in `chunks`, like the other arguments.
        family: `tfobj.data.records.RecordFamily`.
        start: int.
        count: int or None.

    Yields:
        dict of NumPy arrays as of `tfobj.data.records.parse_record`.

    Raises:
        UserError: the file is missing, no TFRecord, damaged, or holds something else than `family`.
    """
    for chunk in chunks(path, family, start, count):
        yield from record_conversion.parsed(chunk)
