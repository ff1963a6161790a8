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


def random_record(family, seed=0, **arrays):
    """A record in the format of a released file.

    Args:
        family: `tfobj.data.records.RecordFamily`.
        seed: int. Of the random content: half of the pixels belong to plane 0, float factors lie in [0, 1), codes are
            valid.
        **arrays: Features to use instead of random ones, arrays of the stored shapes.

    Returns:
        Tuple (bytes, the serialized record; dict from feature name to array of its stored shape).
    """
    rng, content = np.random.default_rng(seed), {}
    for name, (shape, kind) in family.feature_shapes().items():
        limit = family.codes.get(name, 256)
        content[name] = rng.random(shape, np.float32) if kind == "float" and limit == 256 else \
            rng.integers(0, limit, shape).astype(np.float32 if kind == "float" else np.uint8)
    owner = rng.integers(0, family.num_entities, family.image_shape[:2])
    owner[:len(owner) // 2] = 0
    planes = (owner[..., None] == np.arange(family.num_entities)) * np.uint8(255)  # [H,W,E]
    content["mask"] = (planes if family.entity_axis == 2 else np.moveaxis(planes, 2, 0))[..., None]
    content.update(arrays)
    kinds = {name: kind for name, (_, kind) in family.feature_shapes().items()}
    return serialize({name: floats(array) if kinds[name] == "float" else one_byte_strings(array)
                      for name, array in content.items()}), content


def with_planes(record, change):
    """A copy of a serialized Tetrominoes record after `change(planes)`, a function of its mask, uint8 [4,35,35]."""
    def edit(features):
        planes = np.frombuffer(b"".join(features["mask"].bytes_list.value), np.uint8).reshape(4, 35, 35)
        features["mask"].CopyFrom(one_byte_strings(change(planes)))
    return edited(record, edit)


def room_with_one_wall():
    """Owners [64,64] of an Objects Room picture that shows one wall only, so that two objects have planes 3 and 4."""
    owner = np.repeat([0, 2, 1], (16, 24, 24))[:, None].repeat(64, axis=1)  # sky, wall, floor
    owner[30:50, 10:20], owner[34:56, 40:60] = 3, 4
    return owner


def write(path, records, compression="GZIP"):
    """Writes serialized records to a TFRecord file and returns the path."""
    with tf.io.TFRecordWriter(os.fspath(path), tf.io.TFRecordOptions(compression_type=compression)) as writer:
        for record in records:
            writer.write(record)
    return path


def write_bytes(path, content):
    """Writes raw bytes and returns the path."""
    with open(path, "wb") as file:
        file.write(content)
    return path


def read(path, compression=""):
    """The serialized records of a TFRecord file, bytes."""
    return list(tf.data.TFRecordDataset(path, compression).as_numpy_iterator())
