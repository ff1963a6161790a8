"""The Objects Room and its sequences."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data import records
from tfobj.data.builders.layout import Layout
from tfobj.data.builders.official_records import OfficialRecords
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import SceneConfig
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.builders.tetrominoes import CITATION

_OFFICIAL_SIZES = {"test": 10_000, "validation": 10_000, "train": 980_000}  # in the order of the file, as GENESIS-V2
_OFFICIAL_SHARDS = 64
_OFFICIAL_TEST_SIZES = {"test": 922}  # of each out-of-distribution file
_CAMERA = ("azimuth", "pitch")


@dataclasses.dataclass(eq=False)
class ObjectsRoomConfig(SceneConfig):
    """A configuration with a choice for the released masks.

    Attributes:
        objects_room_fix: bool. "official": move objects that took the place of a wall out of sight back among the
            objects, see `tfobj.data.records.repaired_walls`. False keeps the masks that papers evaluate with.
    """

    objects_room_fix: bool = False


def repaired_config(variant):
    """The official configuration of a variant with mended masks, to be handed to `ObjectsRoom(config=...)`.

    Args:
        variant: str, "train", "six_objects" or "identical_color".

    Returns:
        `ObjectsRoomConfig` with the name `<variant>_repaired_official`.
    """
    official = ObjectsRoom.builder_configs[f"{variant}_official"]
    return ObjectsRoomConfig(
        name=f"{variant}_repaired_official", variant=variant, source=official.source, split_sizes=official.split_sizes,
        num_shards=official.num_shards, objects_room_fix=True,
        description="The examples of the release, in its order; objects in the plane of a hidden wall are objects.")


class ObjectsRoom(SceneBuilder):
    """Objects in a walled room under the sky, 64x64, and sequences of 16 frames as a camera turns.

    `background` uint8 [H,W,1] says what lies behind: 0 sky, 1 floor, 2 and 3 walls, 255 where an object is. Generated
    scenes have the factors shape, size (radius), color and position (x, y, z); the release has none, so rely on them
    for generated scenes alone. The release does not store visibility either: an object is visible if it has a pixel.
    Sequences have a leading time axis in image, mask and background, and `camera` float32 [T,2], azimuth and pitch in
    radians.
    """

    BUILDER_CONFIGS = (
        scene_configs("objects_room", "train", _OFFICIAL_SIZES, _OFFICIAL_SHARDS)
        + [config for variant in ("empty_room", "six_objects", "identical_color")
           for config in scene_configs("objects_room", variant, _OFFICIAL_TEST_SIZES)]
        + scene_configs("objects_room", "sequences"))
    DESCRIPTION = ("Spheres, cubes, cylinders, cones and icosahedra of saturated colours in a room with coloured walls "
                   "and floor: three objects (train), none (empty_room), six (six_objects), four to six of one colour "
                   "(identical_color), or three seen by a camera that turns (sequences).")
    CITATION = CITATION

    @property
    def factor_features(self):
        """See the class."""
        number = self.layout.max_objects
        if self.builder_config.source == "official" or not number:
            return {}
        size = tfds.features.Tensor(shape=(number,), dtype=np.float32)
        vectors = {name: tfds.features.Tensor(shape=(number, 3), dtype=np.float32) for name in ("color", "position")}
        return {**self.class_features, "size": size, **vectors}

    @property
    def extras(self):
        """`background` and, for sequences, `camera`."""
        layout = Layout.of_scenes(self.scenes)
        extras = {"background": layout.picture(1)}
        if layout.num_frames:
            extras["camera"] = tfds.features.Tensor(shape=(layout.num_frames, len(_CAMERA)), dtype=np.float32)
        return extras

    @property
    def record_family(self):
        """The released file's row; None for sequences, of which there is no release."""
        return records.FAMILIES.get(f"objects_room/{self.builder_config.variant}")

    @property
    def official(self):
        """`OfficialRecords` of the variant; its last split is as large as it is, unless sizes were asked for."""
        fix = getattr(self.builder_config, "objects_room_fix", False)
        open_ended = self._split_sizes is None
        return OfficialRecords(self.record_family, self.extras, fix, open_ended) if self.record_family else None
