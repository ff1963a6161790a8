"""Opens what a `DataConfig` names. A source gives raw records by position and turns them into batches.

The input pipeline and the command lines know `PreparedSource` and `tfobj.data.folder.FolderSource` by what both have:

* `image_shape`: (H, W, C) after preprocessing; `max_objects`: int or None; `has_masks`: bool.
* `num_examples(split)`: int, before filters. `object_counts(split)`: int32 [N], without decoding an image.
* `records(split)`: `tf.data.Dataset` of serialized examples in index order; `num_objects(record)` and
  `decode(record)` read one of them: the number of objects, the canonical example as it is stored.
* `read(split, positions)`: serialized examples at any positions, fast in any order.
* `batch(records)`: string [B] -> {"image": [B,H,W,C], "mask": uint8 [B,H,W], "num_objects": int32 [B]} after
  preprocessing; "mask" and "num_objects" only where the data have them.
* `fingerprint()`: dict that JSON can hold and that changes with the data, not with the place where they lie.
"""

import functools
import hashlib
import os

import numpy as np
import tensorflow as tf

from tfobj.data import prepared
from tfobj.data import preprocessing
from tfobj.data.array_cache import cached_array
from tfobj.data.folder import FolderSource
from tfobj.data.record_index import RecordIndex
from tfobj.errors import UserError

_CACHE = ".tfobj"  # beside the prepared files


def open_source(data_config):
    """Opens the data set that `data_config` (a `DataConfig`) names.

    Returns:
        `PreparedSource` or `tfobj.data.folder.FolderSource`.

    Raises:
        UserError: unknown or unprepared data set (the message holds the command to run), an unreadable file, or an
            impossible size.
    """
    if data_config.dataset == "folder":
        return FolderSource(data_config)
    return PreparedSource(prepared.open_prepared(data_config), data_config)


class PreparedSource:
    """A data set that a TFDS builder has written; see the module's description for its attributes.

    Args:
        builder: `tfds.core.DatasetBuilder` whose files are prepared, with the canonical features: image uint8 [H,W,C]
            and, where known, mask uint8 [H,W,1], visibility bool [max_objects+1] with the background first.
        data_config: `DataConfig`. `preprocessing`, `image_size` and `image_channels` are used.

    Raises:
        UserError: the images are no single pictures, or the preprocessing is impossible.
    """

    def __init__(self, builder, data_config):
        self._builder, self._info = builder, builder.info
        self._features = builder.info.features
        shape = self._features["image"].shape
        if len(shape) != 3 or None in shape:
            raise UserError(f"--dataset={builder.name} has images of shape {shape}; single pictures of one size "
                            "[H,W,C] are needed")
        self.has_masks = "mask" in self._features
        self.max_objects = self._features["visibility"].shape[0] - 1 if "visibility" in self._features else None
        self.preprocessing = preprocessing.plan(data_config.preprocessing, shape, data_config.image_size,
                                                data_config.image_channels)
        self.image_shape = self.preprocessing.image_shape
        self._index = functools.lru_cache(maxsize=None)(self._open_index)

    def num_examples(self, split):
        """Examples of `split` before filters; raises `UserError` for a split that the data set does not have."""
        return int(self._split(split).num_examples)

    def records(self, split):
        """`tf.data.Dataset` of the serialized examples of `split`, scalar strings in index order."""
        return tf.data.TFRecordDataset(self._split(split).filepaths)

    def num_objects(self, record):
        """Number of foreground objects, int32 scalar, of a serialized example; no image is decoded."""
        return self._object_counts_of(record[tf.newaxis])[0]

    def decode(self, record):
        """The canonical example (dict of tensors, native image size) of a serialized one."""
        return self._features.deserialize_example(record)

    def read(self, split, positions):
        """Serialized examples at `positions` (sequence of int): object array of bytes in the order asked for."""
        return self._index(split).read(positions)

    def object_counts(self, split):
        """Numbers of foreground objects, int32 [N], of all examples of `split`; kept in a file between runs."""
        if self.max_objects is None:
            raise UserError(f"--min_objects/--max_objects: --dataset={self._info.name} does not say how many objects "
                            "its images show; leave both at 0")
        return cached_array(self._cache_directory(split), f"{split}-objects-{self._cache_key(split)}",
                            lambda: self._count_objects(split))

    def batch(self, records):
        """Decodes and preprocesses serialized examples, string [B]; see the module's description."""
        names = ("image", "mask") if self.has_masks else ("image",)
        examples = tf.io.parse_example(records, {name: tf.io.FixedLenFeature([], tf.string) for name in names})
        batch = {"image": self.preprocessing.images(self._decode_images(examples["image"], "image"))}
        if self.has_masks:
            batch["mask"] = self.preprocessing.masks(self._decode_images(examples["mask"], "mask"))
        if self.max_objects is not None:
            batch["num_objects"] = self._object_counts_of(records)
        return batch

    def fingerprint(self):
        """Identity of the prepared files, see `tfobj.data.prepared.fingerprint`."""
        return prepared.fingerprint(self._builder)

    def _split(self, name):
        if name not in self._info.splits:
            raise UserError(f"--dataset={self._info.name} has no split {name!r}; it has "
                            f"{', '.join(sorted(self._info.splits))}")
        return self._info.splits[name]

    def _open_index(self, name):
        split = self._split(name)
        return RecordIndex(split.filepaths, split.shard_lengths, self._cache_directory(name),
                           f"{name}-records-{self._cache_key(name)}")

    def _cache_directory(self, split):
        return os.path.join(os.path.dirname(self._split(split).filepaths[0]), _CACHE)

    def _cache_key(self, split):
        """Changes whenever a file of the split is written again, so that no stale table can be read."""
        stats = [os.stat(path) for path in self._split(split).filepaths if os.path.exists(path)]
        text = repr([(stat.st_size, stat.st_mtime_ns) for stat in stats])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _count_objects(self, split):
        counts = self.records(split).batch(4096).map(self._object_counts_of)
        try:
            return np.concatenate([np.zeros([0], np.int32), *counts.as_numpy_iterator()])
        except tf.errors.DataLossError as error:
            raise UserError(f"{os.path.dirname(self._split(split).filepaths[0])}: a record is damaged "
                            f"({error.message}); delete the directory and prepare the data set again") from error

    def _object_counts_of(self, records):
        """int32 [B] from string [B]. Counts entities other than the background: visibility[0] is always true."""
        spec = {"visibility": tf.io.FixedLenFeature([self.max_objects + 1], tf.int64)}
        visibility = tf.io.parse_example(records, spec)["visibility"]
        return tf.reduce_sum(tf.cast(visibility[:, 1:], tf.int32), axis=1)

    def _decode_images(self, encoded, name):
        shape = self._features[name].shape
        return tf.map_fn(lambda image: tf.ensure_shape(tf.io.decode_png(image, shape[2]), shape), encoded,
                         fn_output_signature=tf.TensorSpec(shape, tf.uint8))  # [B,H,W,C]
