"""The DeepMind multi-object TFRecords (https://github.com/google-deepmind/multi_object_datasets): what a record holds.

One `tf.train.Example` per image. Pixels and integer factors are lists of one-byte strings, float factors float lists.
Each released file is one row of `FAMILIES`; another member of the family is added by adding its row. Nothing here needs
TensorFlow, so that worker processes start quickly; `tfobj.data.record_reader` reads the files.
"""

import dataclasses

import numpy as np

from tfobj.data.scenes import generation
from tfobj.data.scenes.scene import make_scene
from tfobj.data.wire_format import MalformedExample
from tfobj.data.wire_format import WireExample
from tfobj.labels import IGNORE_ID

FULL = 255  # in a mask plane: the pixel belongs to the entity
BUCKET_URL = "https://storage.googleapis.com/multi-object-datasets"


@dataclasses.dataclass(frozen=True)
class RecordFamily:
    """What one released file holds.

    Attributes:
        folder: str. Folder in the bucket.
        file_name: str. File in that folder; files saved by hand carry the folder's name as a prefix.
        image_shape: Tuple (H, W, C).
        num_entities: int E, the background's planes included.
        factors: dict from feature name to (shape per entity, tuple; encoding, "float" or "byte").
        entity_axis: int. Axis of the entities in the stored mask, 0 or 2.
        renamed: dict from canonical factor name to feature name, or to a tuple of features that become its last axis,
            where they differ.
        codes: dict from factor name to int. Factors that number classes, 0 included, and how many there are.
        background_entities: int. Leading planes that are background.
        num_records: int. How many the file is said to hold; others counted them, its authors do not say.
    """

    folder: str
    file_name: str
    image_shape: tuple
    num_entities: int
    factors: dict
    entity_axis: int = 0
    renamed: dict = dataclasses.field(default_factory=dict)
    codes: dict = dataclasses.field(default_factory=dict)
    background_entities: int = 1
    num_records: int = 1_000_000

    @property
    def url(self):
        """str, public address of the file."""
        return f"{BUCKET_URL}/{self.folder}/{self.file_name}"

    @property
    def mask_shape(self):
        """Tuple, shape of the stored mask planes, e.g. (E, H, W, 1)."""
        height, width = self.image_shape[:2]
        planes = (self.num_entities, height, width) if self.entity_axis == 0 else (height, width, self.num_entities)
        return planes + (1,)

    @property
    def max_objects(self):
        """int, most foreground objects of an image."""
        return self.num_entities - self.background_entities

    def feature_shapes(self):
        """dict from feature name to (full shape, "float" or "byte") for everything a record holds."""
        shapes = {name: ((self.num_entities,) + shape, kind) for name, (shape, kind) in self.factors.items()}
        return {"image": (self.image_shape, "byte"), "mask": (self.mask_shape, "byte"), **shapes}

    def factor_sources(self):
        """dict from canonical factor name to the feature, or tuple of features, that it is made of."""
        used = {"visibility"}
        for source in self.renamed.values():
            used.update((source,) if isinstance(source, str) else source)
        return {**{name: name for name in self.factors if name not in used}, **self.renamed}


_FLOAT, _BYTE = ((), "float"), ((), "byte")


def _sprites(file_name, num_entities, channels):
    factors = dict.fromkeys(("x", "y", "shape", "visibility", "orientation", "scale"), _FLOAT)
    return RecordFamily("multi_dsprites", file_name, (64, 64, channels), num_entities,
                        {**factors, "color": ((channels,), "float")}, entity_axis=2, codes={"shape": 4})


def _room(file_name, num_entities, num_records=922):
    return RecordFamily("objects_room", file_name, (64, 64, 3), num_entities, {}, background_entities=4,
                        num_records=num_records)


_CLEVR_CODES = {"shape": 4, "size": 3, "color": 9, "material": 3}  # 0 is the background and padding

FAMILIES = {
    # The feature x is the row and y the column of the bounding box's corner.
    "tetrominoes": RecordFamily(
        "tetrominoes", "tetrominoes_train.tfrecords", (35, 35, 3), 4,
        {**dict.fromkeys(("x", "y", "shape", "visibility"), _FLOAT), "color": ((3,), "float")},
        renamed={"row": "x", "column": "y"}, codes={"shape": 20}),
    "multi_dsprites/colored_on_grayscale": _sprites("multi_dsprites_colored_on_grayscale.tfrecords", 6, 3),
    "multi_dsprites/binarized": _sprites("multi_dsprites_binarized.tfrecords", 4, 1),
    "multi_dsprites/colored_on_colored": _sprites("multi_dsprites_colored_on_colored.tfrecords", 5, 3),
    "clevr_masks/clevr10": RecordFamily(
        "clevr_with_masks", "clevr_with_masks_train.tfrecords", (240, 320, 3), 11,
        {**dict.fromkeys(("x", "y", "z", "rotation", "visibility"), _FLOAT), "pixel_coords": ((3,), "float"),
         **dict.fromkeys(_CLEVR_CODES, _BYTE)},
        renamed={"coords_3d": ("x", "y", "z")}, codes=_CLEVR_CODES, num_records=100_000),
    "objects_room/train": _room("objects_room_train.tfrecords", 7, 1_000_000),
    "objects_room/six_objects": _room("objects_room_test_six_objects.tfrecords", 10),
    "objects_room/empty_room": _room("objects_room_test_empty_room.tfrecords", 4),
    "objects_room/identical_color": _room("objects_room_test_identical_color.tfrecords", 10),
}


def parse_record(serialized, family):
    """Decodes one record.

    Args:
        serialized: bytes, a `tf.train.Example`.
        family: `RecordFamily`.

    Returns:
        dict: `image` uint8 [H,W,C], `mask` uint8 [E,H,W] (0/255 planes), each factor [E, ...] float32 or uint8.

    Raises:
        MalformedExample: the record is damaged or not of this family.
    """
    example, parsed = WireExample(serialized), {}
    for name, (shape, kind) in family.feature_shapes().items():
        values = example.floats(name) if kind == "float" else example.one_byte_strings(name)
        if values.size != np.prod(shape):
            raise MalformedExample(f"feature {name!r} holds {values.size:,} {kind} values, expected "
                                   f"{np.prod(shape):,} {kind} values")
        parsed[name] = values.reshape(shape)
    planes = parsed["mask"][..., 0]  # [E,H,W] or [H,W,E]
    parsed["mask"] = planes if family.entity_axis == 0 else np.moveaxis(planes, 2, 0)
    return parsed


def owners(planes):
    """The plane that each pixel belongs to.

    Args:
        planes: uint8 [E,H,W]. The plane with the largest value owns a pixel, the first on ties, so a pixel that no
            plane covers belongs to plane 0.

    Returns:
        uint8 [H,W].
    """
    owner, largest = np.zeros(planes.shape[1:], np.uint8), planes[0]
    for index in range(1, len(planes)):  # faster than argmax, whose reduction walks across the planes
        np.copyto(owner, np.uint8(index), where=planes[index] > largest)
        largest = np.maximum(largest, planes[index])
    return owner


def label_map(planes, background_entities=1):
    """Merges mask planes into one id map.

    Args:
        planes: uint8 [E,H,W] as of `owners`.
        background_entities: int. Leading planes that are background.

    Returns:
        uint8 [H,W]: 0 background, k the k-th foreground entity.
    """
    return _merge(owners(planes), background_entities)


def _merge(owner, background_entities):
    last = np.uint8(background_entities - 1)
    return np.maximum(owner, last) - last


def is_partition(planes):
    """Whether every pixel of `planes`, uint8 [E,H,W], is 255 in one plane and 0 in the others."""
    covered = planes.max(axis=0)
    return bool(covered.min() == FULL) and np.count_nonzero(planes) == covered.size


def wrong_numbers(record, family):
    """The features of a record that hold numbers which cannot be stored, in the rows of the objects.

    Args:
        record: dict as of `parse_record`; `mask` may be missing.
        family: `RecordFamily`.

    Yields:
        Tuple (feature name; the first wrong value; str, what is expected).
    """
    for name in family.factors:
        values = record[name][family.background_entities:]
        if name in family.codes:
            right = (values >= 0) & (values < family.codes[name]) & (values == np.round(values))
            expected = f"whole numbers from 0 to {family.codes[name] - 1}"
        else:
            right, expected = np.isfinite(values), "finite numbers"
        if not right.all():
            yield name, values[~right][0], expected


def repaired_walls(planes):
    """Mends Objects Room planes in which an object took the place of the second wall.

    The released masks are said to have sky, floor and two wall halves in planes 0 to 3, yet where one half only is in
    view some images continue with the objects at plane 3. Where two walls are in view each of them reaches one side of
    the frame. So plane 3 is taken for an object if plane 2 reaches both sides or plane 3 neither; the objects then move
    up by one plane. An object that hides a wall at the side of the frame may mislead this: of 1,800 generated pictures
    with planes numbered that way, 5 of 206 with one wall and 4 of 1,594 with two came out wrong.

    Args:
        planes: uint8 [E,H,W].

    Returns:
        uint8 [E,H,W]; `planes` itself if there is nothing to mend.
    """
    if len(planes) < 5 or not planes[3].any() or planes[-1].any():  # a full last plane: the objects are in place
        return planes
    (left, right), (second_left, second_right) = ((wall[:, 0].any(), wall[:, -1].any()) for wall in planes[2:4])
    if (left and right) or not (second_left or second_right):
        return np.concatenate([planes[:3], np.zeros_like(planes[:1]), planes[3:-1]])
    return planes


def canonical_scene(record, family, objects_room_fix=False):
    """Converts a decoded record to the keys of the scene generators.

    Args:
        record: dict as of `parse_record`.
        family: `RecordFamily`.
        objects_room_fix: bool. Objects Room: apply `repaired_walls` to the masks.

    Returns:
        dict as of `tfobj.data.scenes.scene.make_scene`. Rows of background entities are dropped, codes are int64 as
        stored. Visibility is that of the file; in Objects Room, which stores none, an object is visible if it owns a
        pixel. Objects Room has no `objects` but `background`, uint8 [H,W]: the plane 0..3 (sky, floor, two walls) of
        each background pixel, 255 where an object is.

    Raises:
        MalformedExample: mask planes that do not give every pixel to one of them, or numbers as of `wrong_numbers`.
    """
    if not is_partition(record["mask"]):
        raise MalformedExample("feature 'mask' does not give every pixel to one plane, expected 255 in one of "
                               f"{family.num_entities} planes and 0 in the others")
    for name, value, expected in wrong_numbers(record, family):
        raise MalformedExample(f"feature {name!r} holds {value}, expected {expected}")
    first = family.background_entities
    owner = owners(repaired_walls(record["mask"]) if objects_room_fix else record["mask"])
    factors = {name: _factor(record, name, source, family) for name, source in family.factor_sources().items()}
    scene = make_scene(record["image"], _merge(owner, first), family.max_objects, factors)
    if "visibility" in record:
        scene["visibility"] = np.concatenate([[True], record["visibility"][first:] > 0.5])
    if first > 1:
        scene["background"] = np.where(owner < first, owner, np.uint8(IGNORE_ID))
    if not factors:
        del scene["objects"]
    return scene


def encoded_scenes(scenes):
    """The scenes of a list after `tfobj.data.scenes.generation.encode_scene`; a task for worker processes."""
    return [generation.encode_scene(scene) for scene in scenes]


def _factor(record, name, source, family):
    """Rows of the objects, [N, ...]."""
    values = record[source] if isinstance(source, str) else np.stack([record[part] for part in source], axis=-1)
    values = values[family.background_entities:]
    return values.astype(np.int64) if name in family.codes else values
