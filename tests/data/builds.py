"""Looks at prepared sets."""

import os

import tensorflow_datasets as tfds


def read(builder, split):
    """All examples of a split in stored order, NumPy."""
    return list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)))


def specs(builder):
    """Names, shapes and types of the features, comparable."""
    return str(builder.info.features.get_tensor_spec())


def contents(builder):
    """dict from name to bytes of every file of a prepared set."""
    files = {}
    for name in sorted(os.listdir(builder.data_path)):
        with open(os.path.join(builder.data_path, name), "rb") as file:
            files[name] = file.read()
    return files
