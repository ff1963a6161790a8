"""Reader of the DeepMind multi-object TFRecords (https://github.com/google-deepmind/multi_object_datasets).

One `tf.train.Example` per image. Pixels and integer factors are lists of one-byte strings, float factors float lists.
Each released file is one row of `FAMILIES`; another member of the family is added by adding its row.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfobj.data.tfrecord_files import sniff_compression
from tfobj.errors import UserError

BUCKET_URL = "https://storage.googleapis.com/multi-object-datasets"
_BUFFER_BYTES = 8 << 20


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
        renamed: dict from canonical factor name to feature name, where they differ.
        background_entities: int. Leading planes that are background.
    """

    folder: str
    file_name: str
    image_shape: tuple
    num_entities: int
    factors: dict
    entity_axis: int = 0
    renamed: dict = dataclasses.field(default_factory=dict)
    background_entities: int = 1

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


_FLOAT = ((), "float")


def _sprites(file_name, num_entities, channels):
    factors = dict.fromkeys(("x", "y", "shape", "visibility", "orientation", "scale"), _FLOAT)
    return RecordFamily("multi_dsprites", file_name, (64, 64, channels), num_entities,
                        {**factors, "color": ((channels,), "float")}, entity_axis=2)


FAMILIES = {
    # The feature x is the row and y the column of the bounding box's corner.
    "tetrominoes": RecordFamily(
        "tetrominoes", "tetrominoes_train.tfrecords", (35, 35, 3), 4,
        {**dict.fromkeys(("x", "y", "shape", "visibility"), _FLOAT), "color": ((3,), "float")},
        renamed={"row": "x", "column": "y"}),
    "multi_dsprites/colored_on_grayscale": _sprites("multi_dsprites_colored_on_grayscale.tfrecords", 6, 3),
    "multi_dsprites/binarized": _sprites("multi_dsprites_binarized.tfrecords", 4, 1),
    "multi_dsprites/colored_on_colored": _sprites("multi_dsprites_colored_on_colored.tfrecords", 5, 3),
}


def parse_record(serialized, family):
    """Decodes one record.

    Args:
        serialized: Scalar string tensor, a `tf.train.Example`.
        family: `RecordFamily`.

    Returns:
        dict: `image` uint8 [H,W,C], `mask` uint8 [E,H,W] (0/255 planes), each factor [E, ...] float32 or uint8.
    """
    dtypes = {"float": tf.float32, "byte": tf.string}
    shapes = family.feature_shapes()
    spec = {name: tf.io.FixedLenFeature(shape, dtypes[kind]) for name, (shape, kind) in shapes.items()}
    parsed = tf.io.parse_single_example(serialized, spec)
    for name, (_, kind) in shapes.items():
        if kind == "byte":
            parsed[name] = tf.squeeze(tf.io.decode_raw(parsed[name], tf.uint8), axis=-1)
    planes = tf.squeeze(parsed["mask"], axis=-1)  # [E,H,W] or [H,W,E]
    parsed["mask"] = planes if family.entity_axis == 0 else tf.transpose(planes, [2, 0, 1])
    return parsed


def read_records(path, family, start=0, count=None):
    """Yields the decoded records of a file in order.

    Args:
        path: str. GZIP or uncompressed TFRecord; the content decides, not the name.
        family: `RecordFamily`.
        start: int. Records to skip.
        count: int or None. At most so many; None: to the end.

    Yields:
        dict of NumPy arrays as of `parse_record`.

    Raises:
        UserError: the file is missing, no TFRecord, damaged, or holds something else than `family`.
    """
    dataset = tf.data.TFRecordDataset(path, sniff_compression(path), _BUFFER_BYTES).skip(start)
    dataset = dataset if count is None else dataset.take(count)
    dataset = dataset.map(lambda record: parse_record(record, family), num_parallel_calls=2, deterministic=True)
    index = start
    try:
        for record in dataset.prefetch(64).as_numpy_iterator():
            yield record
            index += 1
    except tf.errors.DataLossError as error:
        raise UserError(f"{path}: record {index} is damaged or cut off, the {index} records before it are readable; "
                        f"fetch the file again from {family.url}") from error
    except tf.errors.InvalidArgumentError as error:
        raise UserError(f"{path}: record {index} is not of the kind {family.folder} ({_first_sentence(error)}); run "
                        f"`python -m tfobj.prepare --check --file={path}` to see what it holds") from error


def _first_sentence(error):
    return str(error.message).splitlines()[0].split("[[", maxsplit=1)[0].strip().removesuffix(".")


def label_map(planes, background_entities=1):
    """Merges mask planes into one id map.

    Args:
        planes: uint8 [E,H,W]. The plane with the largest value owns a pixel, the first on ties, so a pixel that no
            plane covers belongs to the background.
        background_entities: int. Leading planes that are background.

    Returns:
        uint8 [H,W]: 0 background, k the k-th foreground entity.
    """
    owner = np.argmax(planes, axis=0)
    return np.maximum(owner - (background_entities - 1), 0).astype(np.uint8)


def canonical_scene(record, family):
    """Converts a decoded record to the keys of the scene generators.

    Args:
        record: dict as of `parse_record`, NumPy arrays.
        family: `RecordFamily`.

    Returns:
        dict as of `tfobj.data.scenes.scene.make_scene`: the visibility is that of the file, integer codes are int64,
        rows of background entities are dropped.
    """
    first = family.background_entities
    visibility = np.concatenate([[True], record["visibility"][first:] > 0.5])
    sources = {name: name for name in family.factors if name not in ("visibility", *family.renamed.values())}
    objects = {name: record[source][first:] for name, source in {**sources, **family.renamed}.items()}
    objects["shape"] = np.round(objects["shape"]).astype(np.int64)
    return {"image": record["image"], "mask": label_map(record["mask"], first), "visibility": visibility,
            "objects": objects}
