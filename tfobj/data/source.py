"""Opens what a `DataConfig` names. A source gives raw records by position and turns them into batches.

The input pipeline and the command lines know `PreparedSource` and `tfobj.data.folder.FolderSource` by what both have:

* `image_shape`: (H, W, C) after preprocessing, of one picture; `num_frames`: int T of sequences, 0 for single
  pictures; `max_objects`: int N or None; `has_masks`, `has_factors`: bool; `class_names`: dict from factor to the
  names of its classes, for the factors of objects that are classes.
* `num_examples(split)`: int, before filters. `object_counts(split)`: int32 [num_examples]; `object_classes(
  split, factor)`: int16 [num_examples,N], -1 where there is no object, and the names of the classes, tuple of str. Both
  without decoding an image. Factors that are texts have the texts for classes.
* `records(split)`: `tf.data.Dataset` of serialized examples in index order; `num_objects(record)` and
  `decode(record)` read one of them: the number of objects, the canonical example as it is stored.
* `read(split, positions)`: serialized examples at any positions, fast in any order.
* `batch(records, masks=True, factors=False, frame_masks=False)`: string [B] -> dict after preprocessing: "image"
  [B,H,W,C], uint8 where only pixels were taken, else float32 in [0,1]; "mask" uint8 [B,H,W] if `masks`; "num_objects"
  int32 [B]. If `frame_masks`, also "frame_mask" uint8 [B,H',W'], the masks before they were resized. If `factors`, also
  "objects", a dict from factor to [B,N, ...], "visibility" bool [B,N+1] with the background first, "background" uint8
  [B,H,W] (parts of it, see the data set) and "camera" [B, ...]. What the data do not have is absent. Sequences have a
  time axis behind B in all but "objects" and "visibility".
* `factors(split, positions)`, where `has_factors`: dict of arrays, "visibility" and "objects" as `batch` has them,
  texts as bytes. No image is decoded.
* `fingerprint()`: dict that JSON can hold and that changes with the data, not with the place where they lie.

With --input=memory it is a `tfobj.data.memory.MemorySource`, which has no records: its `take(split, positions, masks,
factors)` gives what `batch` gives, as arrays.
"""

import functools
import os

import numpy as np
import tensorflow as tf

from tfobj.data import framing
from tfobj.data import memory
from tfobj.data import object_filters
from tfobj.data import prepared
from tfobj.data import preprocessing
from tfobj.data import split_views
from tfobj.data.array_cache import CACHE
from tfobj.data.array_cache import cached_array
from tfobj.data.array_cache import files_key
from tfobj.data.example_reader import ExampleReader
from tfobj.data.folder import FolderSource
from tfobj.data.record_index import RecordIndex
from tfobj.errors import UserError

_DESCRIPTIONS = ("objects", "visibility")
_SCANNED_AT_ONCE = 512  # records, of up to a few hundred kilobytes


def open_source(data_config):
    """Opens the data set that `data_config` (a `DataConfig`) names.

    Returns:
        `PreparedSource` or `tfobj.data.folder.FolderSource`; with --input=memory `tfobj.data.memory.MemorySource`,
        which the input pipeline takes as well.

    Raises:
        UserError: unknown or unprepared data set (the message holds the command to run), an unreadable file, or an
            impossible size.
    """
    if data_config.input == "memory":
        return memory.open_source(data_config)
    if data_config.dataset == "folder":
        return FolderSource(data_config)
    return PreparedSource(prepared.open_prepared(data_config), data_config)


class PreparedSource:
    """A data set that a TFDS builder has written; see the module's description for its attributes.

    Args:
        builder: `tfds.core.DatasetBuilder` whose files are prepared, with features as of
            `tfobj.data.example_reader.ExampleReader`.
        data_config: `DataConfig`. The preprocessing, `splits` and `sequence_frames` are used.

    Raises:
        UserError: the images are no pictures, or the preprocessing, the split or the number of frames is impossible.
    """

    def __init__(self, builder, data_config):
        self._builder, self._info = builder, builder.info
        self._reader = ExampleReader(builder.info.features, builder.name)
        self._frames = framing.checked_frames(data_config.sequence_frames, self._reader.num_frames, builder.name)
        self.num_frames = 0 if data_config.sequence_frames == 1 else self._frames
        self.has_masks, self.has_factors = self._reader.has("mask"), self._reader.has("objects")
        self.max_objects, self.class_names = self._reader.max_objects, self._reader.class_names
        self.preprocessing = preprocessing.plan(
            data_config.preprocessing, self._reader.image_shape, data_config.image_size, data_config.image_channels,
            data_config.grayscale)
        self.image_shape = self.preprocessing.image_shape
        sizes = {name: int(split.num_examples) for name, split in self._info.splits.items()}
        self._views = split_views.prepared_views(builder.name, builder.builder_config.name, sizes, data_config)
        self._index = functools.lru_cache(maxsize=None)(self._open_index)
        self._table = functools.lru_cache(maxsize=None)(self._open_table)

    def num_examples(self, split):
        """Examples of `split` before filters; raises `UserError` for a split that the data set does not have."""
        return self._view(split).count

    def records(self, split):
        """`tf.data.Dataset` of the serialized examples of `split`, scalar strings in index order."""
        view = self._view(split)
        return self._stored_records(view.stored).skip(view.offset).take(view.count)

    def num_objects(self, record):
        """Number of foreground objects, int32 scalar, of a serialized example; no image is decoded."""
        return self._object_counts_of(record[tf.newaxis])[0]

    def decode(self, record):
        """The canonical example (dict of tensors, native image size) of a serialized one."""
        return self._info.features.deserialize_example(record)

    def read(self, split, positions):
        """Serialized examples at `positions` (sequence of int): object array of bytes in the order asked for."""
        view = self._view(split)
        return self._index(view.stored).read(np.asarray(positions, np.int64) + view.offset)

    def object_counts(self, split):
        """Numbers of foreground objects, int32 [N], of all examples of `split`; kept in a file between runs."""
        if self.max_objects is None:
            raise object_filters.no_counts(self._info.name)
        return self._column(split, "exists").sum(axis=1, dtype=np.int32)

    def object_classes(self, split, factor):
        """Classes of the objects, int16 [num_examples,N], -1 where there is none, and their names, tuple of str.

        Kept in a file between runs.

        Raises:
            UserError: the data set has no such factor, or it does not say which objects there are.
        """
        known = (*self.class_names, *self._reader.text_factors) if self.max_objects is not None else ()
        if factor not in known:
            raise object_filters.no_classes(self._info.name, factor, known)
        return object_filters.classes(self._column(split, "exists"), self._column(split, f"objects/{factor}"),
                                      self.class_names.get(factor))

    def batch(self, records, masks=True, factors=False, frame_masks=False):
        """Decodes and preprocesses serialized examples, string [B]; see the module's description."""
        parts = ("image",) + ("mask",) * masks + ("visibility",) + ("background", "objects", "camera") * factors
        found = self._reader.read(records, parts, self._frames)
        batch = {"image": self._with_frames(self.preprocessing.images(found["image"]))}
        for part in ("mask", "background"):
            if part in found:
                batch[part] = self._with_frames(self.preprocessing.masks(found[part]))
        if frame_masks and "mask" in found:
            batch["frame_mask"] = self._with_frames(self.preprocessing.frame_masks(found["mask"]))
        if "visibility" in found:
            batch["num_objects"] = _num_objects(found["visibility"])
        if "camera" in found:
            batch["camera"] = self._with_frames(found["camera"])
        if factors:
            batch.update({part: found[part] for part in ("objects", "visibility") if part in found})
        return batch

    def factors(self, split, positions):
        """What the objects of some examples are; see the module's description."""
        chunks = [self._reader.read(self.read(split, positions[start:start + _SCANNED_AT_ONCE]), _DESCRIPTIONS)
                  for start in range(0, len(positions), _SCANNED_AT_ONCE)]
        return tf.nest.map_structure(lambda *values: np.concatenate([value.numpy() for value in values]), *chunks)

    def fingerprint(self):
        """Identity of the prepared files, see `tfobj.data.prepared.fingerprint`."""
        return prepared.fingerprint(self._builder)

    # === Splits and tables ===

    def _view(self, split):
        if split not in self._views:
            raise UserError(f"--dataset={self._info.name} has no split {split!r}; it has "
                            f"{', '.join(sorted(self._views))}")
        return self._views[split]

    def _paths(self, stored):
        return [path for name in stored for path in self._info.splits[name].filepaths]

    def _stored_records(self, stored):
        return tf.data.TFRecordDataset(self._paths(stored))

    def _open_index(self, stored):
        lengths = [length for name in stored for length in self._info.splits[name].shard_lengths]
        return RecordIndex(self._paths(stored), lengths, *self._cache_place(stored, "records"))

    def _column(self, split, name):
        """One column of `ExampleReader.read_classes`, [num_examples,N], of the examples of `split`; texts as bytes."""
        view = self._view(split)
        column = np.concatenate([self._table(stored)[name] for stored in view.stored])
        return column[view.offset:view.offset + view.count]

    def _open_table(self, stored):
        """All columns of a stored split (str). They are kept: reading them takes a pass over all bytes of the split."""
        return cached_array(*self._cache_place((stored,), "classes"), lambda: self._computed(stored))

    def _computed(self, stored):
        """All columns of a stored split as the fields of a structured array."""
        batches = self._stored_records((stored,)).batch(_SCANNED_AT_ONCE).map(self._reader.read_classes)
        nothing = tf.nest.map_structure(np.asarray, self._reader.read_classes(tf.zeros([0], tf.string)))
        try:
            return _structured([nothing, *batches.as_numpy_iterator()])
        except tf.errors.DataLossError as error:
            raise UserError(f"{os.path.dirname(self._paths((stored,))[0])}: a record is damaged "
                            f"({error.message}); delete the directory and prepare the data set again") from error

    def _cache_place(self, stored, name):
        """Directory and name of a cached table. The name changes whenever one of the files is written again."""
        paths = self._paths(stored)
        return os.path.join(os.path.dirname(paths[0]), CACHE), f"{'+'.join(stored)}-{name}-{files_key(paths)}"

    # === Parts of records ===

    def _object_counts_of(self, records):
        """int32 [B] from string [B]."""
        return _num_objects(self._reader.read(records, ["visibility"])["visibility"])

    def _with_frames(self, values):
        """[B*T, ...] -> [B,T, ...] for sequences."""
        return tf.reshape(values, [-1, self.num_frames, *values.shape[1:]]) if self.num_frames else values


def _num_objects(visibility):
    """int32 [B] from bool [B,N+1]. Counts entities other than the background, which is always there."""
    return tf.reduce_sum(tf.cast(visibility[:, 1:], tf.int32), axis=1)


def _structured(batches):
    """Structured array from a list of dicts from column to array [B,N]; texts become bytes of one length."""
    columns = {name: np.concatenate([_fixed(batch[name]) for batch in batches]) for name in batches[0]}
    count = len(columns["exists"])
    table = np.zeros(count, [(name, values.dtype, values.shape[1:]) for name, values in columns.items()])
    for name, values in columns.items():
        table[name] = values
    return table


def _fixed(values):
    return values.astype(np.bytes_) if values.dtype == object else values
