"""What the descriptions of a prepared set say, read without TensorFlow.

TFDS writes `dataset_info.json` (splits, shards) and `features.json` (what an example holds) beside the shards, and a
file of class names for each factor that has them.
"""

import json
import os

from tfobj.data.stored_parts import StoredPart
from tfobj.errors import UserError

INFO = "dataset_info.json"

_PARTS = ("image", "mask", "background", "visibility", "camera")
_FACTORS = "objects"


class PreparedFiles:
    """A prepared set in the canonical form (see `tfobj.data.builders.scene_builder`).

    Args:
        directory: str. Where the shards are.

    Attributes:
        directory: str, as given.
        name, config, version: str.
        sizes: dict from split to number of examples, in the order of the release.
        parts: dict from name to `StoredPart`; factors of objects are called `objects.<factor>`.
        class_names: dict from factor to the tuple of its classes' names, or of their numbers.

    Raises:
        UserError: a description is missing or damaged, or the images are neither pictures nor sequences of one size.
    """

    def __init__(self, directory):
        self.directory = directory
        info, features = self._read(INFO), self._read("features.json")
        try:
            self.name, self.config, self.version = info["name"], info["configName"], info["version"]
            self._lengths = {split["name"]: [int(length) for length in split["shardLengths"]]
                             for split in info["splits"]}
            content = features["featuresDict"]["features"]
            self.parts = {name: _part(name, content[name]) for name in _PARTS if name in content}
            factors = content[_FACTORS]["featuresDict"]["features"] if _FACTORS in content else {}
            self.parts.update({f"{_FACTORS}.{factor}": _part(f"{_FACTORS}/{factor}", feature)
                               for factor, feature in factors.items()})
            labels = {factor: _unwrapped(feature)[1].get("classLabel") for factor, feature in factors.items()}
            self.class_names = {factor: self._names(factor, label) for factor, label in labels.items() if label}
        except (KeyError, TypeError, ValueError) as error:
            raise self._unreadable("features.json", error) from error
        self.sizes = {split: sum(lengths) for split, lengths in self._lengths.items()}
        shape = self.parts["image"].shape
        if len(shape) not in (3, 4) or min(shape) < 1:
            raise UserError(f"--dataset={self.name} has images of shape {shape}; pictures [H,W,C] of one size, or "
                            "sequences [T,H,W,C] of one length are needed")

    def shard_lengths(self, splits):
        """Numbers of records, list of int, of the shards of some splits (sequence of str)."""
        return [length for split in splits for length in self._lengths[split]]

    def paths(self, splits):
        """Files, list of str, of some splits (sequence of str), as `shard_lengths`."""
        return [os.path.join(self.directory, f"{self.name}-{split}.tfrecord-{shard:05}-of-{len(lengths):05}")
                for split in splits for lengths in (self._lengths[split],) for shard in range(len(lengths))]

    def _names(self, factor, label):
        path = os.path.join(self.directory, f"{_FACTORS}-{factor}.labels.txt")
        if not os.path.exists(path):
            return tuple(str(number) for number in range(int(label["numClasses"])))
        with open(path, encoding="utf-8") as file:
            return tuple(file.read().split("\n")[:int(label["numClasses"])])

    def _read(self, name):
        try:
            with open(os.path.join(self.directory, name), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError) as error:
            raise self._unreadable(name, error) from error

    def _unreadable(self, name, error):
        return UserError(f"{os.path.join(self.directory, name)} cannot be read ({type(error).__name__}: {error}); "
                         "delete the directory and prepare the data set again")


def _part(key, feature):
    length, inner = _unwrapped(feature)
    if "image" in inner:
        return StoredPart(key, "picture", (*length, *_shape(inner["image"])))
    if "classLabel" in inner:
        return StoredPart(key, "number", length, "int64")
    if "text" in inner:
        return StoredPart(key, "text", length)
    return StoredPart(key, "number", (*length, *_shape(inner["tensor"])), inner["tensor"]["dtype"])


def _unwrapped(feature):
    """Length of a sequence, a tuple, and the feature of what it holds; the empty tuple for other features."""
    if "sequence" not in feature:
        return (), feature
    return (int(feature["sequence"]["length"]),), feature["sequence"]["feature"]


def _shape(description):
    return tuple(int(size) for size in description["shape"].get("dimensions", ()))
