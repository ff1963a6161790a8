"""Writes small record files for the tests."""

import gzip
import os

import numpy as np
import tensorflow as tf

REAL_FILE = os.path.join(os.path.dirname(__file__), "files", "tetrominoes_mini.tfrecords")


def real_bytes():
    """The uncompressed content of the real file, ten records of 25,960 bytes each with their framing."""
    with gzip.open(REAL_FILE) as file:
        return file.read()


def real_records():
    """The ten serialized records of the real file, bytes."""
    return list(tf.data.TFRecordDataset(REAL_FILE, "GZIP").as_numpy_iterator())


def one_byte_strings(array):
    """A feature that holds a uint8 array the way the released files do: one string per element."""
    values = [bytes([value]) for value in np.asarray(array, np.uint8).reshape(-1)]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def floats(array):
    """A feature of float32 values."""
    return tf.train.Feature(float_list=tf.train.FloatList(value=np.asarray(array, np.float32).reshape(-1)))


def serialize(features):
    """Serializes a dict from name to `tf.train.Feature`."""
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def edited(record, change):
    """A copy of a serialized record after `change(features)`, a function of its feature map."""
    example = tf.train.Example.FromString(record)
    change(example.features.feature)
    return example.SerializeToString()


def write(path, records, compression="GZIP"):
    """Writes serialized records to a TFRecord file and returns the path."""
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type=compression)) as writer:
        for record in records:
            writer.write(record)
    return path


def write_bytes(path, content):
    """Writes raw bytes and returns the path."""
    with open(path, "wb") as file:
        file.write(content)
    return path
