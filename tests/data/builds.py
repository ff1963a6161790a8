"""Looks at prepared sets."""

import os

import tensorflow as tf
import tensorflow_datasets as tfds


def read(builder, split):
    """All examples of a split in stored order, NumPy."""
    return list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)))


def specs(builder):
    """Names, shapes and types of the features, comparable."""
    return str(builder.info.features.get_tensor_spec())


def contents(builder):
    """dict from name to content of every file of a prepared set: records as messages, everything else as bytes.

    The same message has several serialized forms, because protobuf leaves the order of a map open; which one appears
    differs between processes.
    """
    files = {}
    for name in sorted(os.listdir(builder.data_path)):
        path = os.path.join(builder.data_path, name)
        if ".tfrecord" in name:
            files[name] = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(path)]
        else:
            with open(path, "rb") as file:
                files[name] = file.read()
    return files
