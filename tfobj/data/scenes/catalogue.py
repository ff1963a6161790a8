"""Everything that can be drawn: data set -> variant -> generator, sizes of the splits, names of classes.

The TFDS builders take theirs from here, and so does `tfobj.data.memory`, which draws without them.
"""

import dataclasses
import importlib

SEED = 0
TINY_SIZES = {"train": 64, "validation": 16, "test": 16}  # of the first examples of `generated`

_SCENES = "tfobj.data.scenes"
_60K = {"train": 60_000, "validation": 10_000, "test": 10_000}
_20K = {"train": 20_000, "validation": 1_000, "test": 1_000}
_10K = {"train": 10_000, "validation": 1_000, "test": 1_000}
_ROOM = {"train": 60_000, "validation": 2_000, "test": 2_000}
_ROOM_TEST = {"test": 922}  # of each released out-of-distribution file
_ROOM_SEQUENCES = {"train": 2_000, "validation": 200, "test": 200}


@dataclasses.dataclass(frozen=True)
class DrawnSet:
    """A generator and what is drawn with it.

    Attributes:
        generator: str, `module:Class` (see `tfobj.data.scenes`).
        split_sizes: dict from split to number of examples of the configuration `generated`.
        arguments: dict of the class's arguments.
        classes: dict from factor to `module:NAME` of the tuple of its classes' names, for the factors that are classes.
    """

    generator: str
    split_sizes: dict
    arguments: dict = dataclasses.field(default_factory=dict)
    classes: dict = dataclasses.field(default_factory=dict)

    def scenes(self):
        """The generator."""
        return _load(self.generator)(**self.arguments)

    def sizes(self, config):
        """Sizes of the splits.

        Args:
            config: str, "generated" or "tiny".

        Returns:
            dict from split to number of examples.
        """
        return {split: TINY_SIZES[split] if config == "tiny" else size for split, size in self.split_sizes.items()}

    @property
    def class_names(self):
        """dict from factor to the tuple of its classes' names."""
        return {factor: _load(path) for factor, path in self.classes.items()}


def find(dataset, variant=""):
    """The `DrawnSet` of a variant ("" where there are no variants), or None if it is not drawn."""
    return SETS.get(dataset, {}).get(variant)


def _load(path):
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)


def _classes(module, **names):
    return {factor: f"{_SCENES}.{module}:{name}" for factor, name in names.items()}


def _clevr(**arguments):
    classes = _classes("clevr", shape="SHAPES", size="SIZES", color="COLORS", material="MATERIALS")
    return DrawnSet(f"{_SCENES}.clevr:ClevrScenes", _20K, arguments, classes)


def _clevrtex(variant):
    names = {"shape": "SHAPES", "size": "SIZES", "material": "MATERIALS"}
    names.update({"color": "COLORS"} if variant == "vbg" else {})
    sizes = {"test": _10K["test"]} if variant in ("outd", "camo") else _10K
    return DrawnSet(f"{_SCENES}.clevrtex:ClevrtexScenes", sizes, {"variant": variant}, _classes("clevrtex", **names))


def _room(variant, sizes=_ROOM_TEST):
    classes = _classes("objects_room", shape="SHAPES") if variant != "empty_room" else {}
    return DrawnSet(f"{_SCENES}.objects_room:ObjectsRoomScenes", sizes, {"variant": variant}, classes)


def _sprites(variant, **arguments):
    return DrawnSet(f"{_SCENES}.multi_dsprites:MultiDspritesScenes", _60K, {"variant": variant, **arguments},
                    _classes("multi_dsprites", shape="SHAPES"))


def _stacks(**arguments):
    return DrawnSet(f"{_SCENES}.shapestacks:ShapestacksScenes", _20K, arguments,
                    _classes("shapestacks", shape="SHAPES", color="COLORS"))


SETS = {
    "colored_shapes": {"": DrawnSet(
        f"{_SCENES}.colored_shapes:ColoredShapesScenes", {"train": 8_000, "validation": 500, "test": 1_000},
        classes=_classes("colored_shapes", shape="SHAPES"))},
    "tetrominoes": {"": DrawnSet(f"{_SCENES}.tetrominoes:TetrominoesScenes", _60K,
                                 classes=_classes("tetrominoes", shape="CODES"))},
    "shapes": {"": DrawnSet(f"{_SCENES}.shapes:ShapesScenes", _60K, classes=_classes("shapes", shape="SHAPES"))},
    "multi_dsprites": {
        **{variant: _sprites(variant) for variant in ("colored_on_grayscale", "binarized", "colored_on_colored")},
        # The colours of GENESIS (Engelcke et al. 2020).
        "colored_on_colored_levels": _sprites("colored_on_colored", color_levels=5, distinct_colors=True)},
    "clevr_masks": {"clevr10": _clevr(min_objects=3, max_objects=10), "clevr6": _clevr(min_objects=3, max_objects=6),
                    "no_green_spheres": _clevr(min_objects=3, max_objects=10, exclude=(("sphere", "green"),))},
    "clevr_properties": {"": _clevr(frame="full")},
    "objects_room": {
        "train": _room("train", _ROOM), **{variant: _room(variant)
                                           for variant in ("empty_room", "six_objects", "identical_color")},
        "sequences": DrawnSet(f"{_SCENES}.room_sequences:RoomSequenceScenes", _ROOM_SEQUENCES,
                              classes=_classes("objects_room", shape="SHAPES"))},
    "shapestacks": {"": _stacks(), "unstable": _stacks(unstable=True)},
    "clevrtex": {variant: _clevrtex(variant) for variant in ("full", "outd", "camo", "pbg", "vbg", "grassbg")},
}
