"""Writes small releases of pictures in the layout of the original ones."""

import contextlib
import io
import os
import tarfile
import zipfile

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from absl import logging

from tfobj.config import DataConfig
from tfobj.data import prepared


def photo(seed, height, width, channels=3):
    """A picture of random blocks, uint8 [height, width, channels]."""
    blocks = np.random.default_rng(seed).integers(0, 256, (-(-height // 16), -(-width // 16), channels))
    return blocks.repeat(16, axis=0).repeat(16, axis=1)[:height, :width].astype(np.uint8)


def png(array, palette=False):
    """PNG bytes of an array; with `palette`, of indices into a colour table."""
    picture = Image.fromarray(array)
    if palette:
        picture.putpalette(np.random.default_rng(7).integers(0, 256, 768).tolist())
    return encoded(picture)


def encoded(picture, image_format="PNG"):
    """Bytes of a `PIL.Image.Image`."""
    buffer = io.BytesIO()
    picture.save(buffer, format=image_format)
    return buffer.getvalue()


def waves(height, width):
    """The synthetic picture of the golden arrays, uint8 [height, width, 3]."""
    y, x, c = np.mgrid[:height, :width, :3].astype(np.float64)
    phase = 3.0 * y * (1 + c) / height + 4.0 * x * (3 - c) / width
    return np.floor(127.5 + 127.5 * np.sin(2.0 * np.pi * phase + c)).astype(np.uint8)


def write_tree(root, files):
    """Writes files (dict from relative path to bytes) below a directory and returns the directory."""
    for name, content in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return root


def write_tar(path, files, compression="gz"):
    """Writes files into a tar archive and returns its path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_zip(path, files):
    """Writes files into a zip archive and returns its path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def prepare(dataset, directory, workers=1, **changes):
    """Prepares the official configuration from `directory`/originals, in `directory`; returns the builder.

    Remarks on the way are kept from the tests' output.
    """
    config = DataConfig(**{"dataset": dataset, "dataset_config": "official", "data_dir": directory,
                           "manual_dir": os.path.join(directory, "originals"), **changes})
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return prepared.prepare_dataset(config, workers=workers)
    finally:
        logging.set_verbosity(verbosity)


def examples(builder, split):
    """All examples of a split in stored order, NumPy."""
    return list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)))


def stored_pictures(builder, split):
    """The PNG bytes of the images of a split as they are stored."""
    dataset = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()})
    return [example["image"] for example in tfds.as_numpy(dataset)]
