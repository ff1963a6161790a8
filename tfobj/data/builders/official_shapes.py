"""Reads `shapes.h5`, the Shapes set of N-EM (https://github.com/sjoerdvansteenkiste/Neural-EM, Greff et al. 2017)."""

import os

import h5py
import numpy as np

from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation
from tfobj.data.scenes import shapes
from tfobj.data.scenes.scene import make_scene
from tfobj.errors import UserError
from tfobj.labels import IGNORE_ID

FILE_NAME = "shapes.h5"
GROUPS = {"train": "training", "validation": "validation", "test": "test"}  # split -> group of the file
_ARRAYS = ("features", "groups")
_SHAPE = (shapes.SIZE, shapes.SIZE, 1)
_BLOCK = 1024  # images read at once


class OfficialShapes:
    """The file, with the interface described in `tfobj.data.builders.official_records`.

    The HDF5 file holds the groups `training`, `validation` and `test`, each with two arrays [1,N,28,28,1]: `features`,
    zeros and ones, and `groups`, 0 for background and for pixels of several shapes, 1..3 for the shapes. A pixel that
    is on and belongs to no shape is one of several shapes: it gets 255 in the mask, as in the generated scenes.
    """

    layout = Layout((*_SHAPE[:2], 1), shapes.NUM_SHAPES)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """The three groups whole; `dl_manager`, `sizes` and `workers` are not used.

        Raises:
            UserError: the file is missing, no HDF5 file, damaged, or holds something else.
        """
        del dl_manager, sizes, workers
        path = locate(manual_dir)
        try:
            with h5py.File(path, "r") as file:
                counts = {split: _count(path, file, group) for split, group in GROUPS.items()}
        except OSError as error:
            raise UserError(f"{path}: no readable HDF5 file ({error}); fetch or write it again") from error
        return {split: (counts[split], _scenes(path, group)) for split, group in GROUPS.items()}


def locate(manual_dir):
    """Path of the file in the manual directory or its folder `shapes`; raises `UserError` if it is not there."""
    paths = [os.path.join(manual_dir, FILE_NAME), os.path.join(manual_dir, "shapes", FILE_NAME)]
    for path in paths:
        if os.path.isfile(path):
            return path
    raise UserError(
        f"{paths[0]} does not exist; put the file that https://github.com/sjoerdvansteenkiste/Neural-EM links to there "
        "(HDF5 groups training, validation, test with arrays features and groups [1,N,28,28,1]), or draw the same "
        "scenes with --dataset_config=generated")


def _count(path, file, group):
    """Number of images in a group, after a look at its layout."""
    expected = f"expected arrays features and groups of shape [1,N,{','.join(map(str, _SHAPE))}] with numbers"
    found = {}
    for name in _ARRAYS:
        array = file.get(f"{group}/{name}")
        if not isinstance(array, h5py.Dataset):
            raise UserError(f"{path}: has no array {group}/{name}, {expected} in the groups "
                            f"{', '.join(GROUPS.values())}; fetch or write the file again")
        if array.dtype.kind not in "biuf" or array.shape[:1] + array.shape[2:] != (1, *_SHAPE) or not array.size:
            raise UserError(f"{path}: {group}/{name} is {array.dtype} {list(array.shape)}, {expected}; fetch or write "
                            "the file again")
        found[name] = array.shape[1]
    if found["features"] != found["groups"]:
        raise UserError(f"{path}: {group} has {found['features']:,} features but {found['groups']:,} groups, expected "
                        "as many; fetch or write the file again")
    return found["features"]


def _scenes(path, group):
    """Yields the encoded scenes of a group."""
    with h5py.File(path, "r") as file:
        arrays = [file[f"{group}/{name}"] for name in _ARRAYS]
        for start in range(0, arrays[0].shape[1], _BLOCK):
            try:
                features, owners = (array[0, start:start + _BLOCK, ..., 0] for array in arrays)  # [block,28,28]
            except OSError as error:
                raise UserError(f"{path}: {group} is damaged from image {start:,} on ({error}); fetch or write the "
                                "file again") from error
            _check_values(path, f"{group}/features", features, 1)
            _check_values(path, f"{group}/groups", owners, shapes.NUM_SHAPES)
            for on, owner in zip(features.astype(bool), owners.astype(np.uint8)):
                yield generation.encode_scene(_scene(on, owner))


def _check_values(path, name, values, largest):
    wrong = ~np.isin(values, np.arange(largest + 1))
    if wrong.any():
        raise UserError(f"{path}: {name} holds {values[wrong][0]}, expected whole numbers from 0 to {largest}; fetch "
                        "or write the file again")


def _scene(on, owner):
    mask = np.where(on & (owner == 0), np.uint8(IGNORE_ID), owner)
    scene = make_scene(on[..., None] * np.uint8(255), mask, shapes.NUM_SHAPES, {})
    del scene["objects"]
    return scene
