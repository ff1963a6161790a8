"""Data as NumPy arrays: what JAX trains on, also without TensorFlow, and TensorFlow with --input=memory.

Where the examples come from, a store, is `prepared_examples.PreparedExamples` if `tfobj.prepare` has put them into
--data_dir, else `drawn_examples.DrawnExamples`, or `folder_pictures.FolderPictures`. Decoding and drawing happen once:
the arrays are kept in --data_dir/arrays and mapped into memory. A store has

* `name`: str; `image_shape`: (H, W, C) of a stored picture; `num_frames`: int T of sequences, 0 for single pictures;
  `max_objects`: int N or None; `has_masks`, `has_factors`: bool; `class_names`: dict from factor to tuple of str;
* `sizes`: dict from split to number of examples;
* `arrays(split)`: dict of read-only arrays, of these what there is: `image` uint8 [n,H,W,C], `mask` and `background`
  uint8 [n,H,W], `visibility` bool [n,N+1], `camera` [n, ...], `objects.<factor>` [n,N, ...], texts as bytes. Of
  sequences, pictures and camera have a time axis behind n;
* `fingerprint()`: dict, see `tfobj.data.fingerprints`.
"""

import copy
import dataclasses
import functools
import os

import numpy as np

from tfobj import registry
from tfobj.data import framing
from tfobj.data import locations
from tfobj.data import object_filters
from tfobj.data import prepared_files
from tfobj.data.drawn_examples import DrawnExamples
from tfobj.data.folder_pictures import FolderPictures
from tfobj.data.lazy_images import LazyImages
from tfobj.data.order import EvaluationOrder
from tfobj.data.order import TrainingOrder
from tfobj.data.prepared_examples import PreparedExamples
from tfobj.data.scenes import catalogue
from tfobj.errors import UserError


def open_source(data_config):
    """Opens the data set that `data_config` (a `DataConfig`) names. Nothing is drawn or decoded yet.

    Returns:
        `MemorySource`.

    Raises:
        UserError: an unknown data set, a release that is not prepared, an unreadable file, or an impossible size.
    """
    if data_config.dataset == "folder":
        # The pictures have their size already; what recipes do is for the frames of releases.
        sized = dataclasses.replace(data_config, preprocessing="none", image_size="")
        return MemorySource(FolderPictures(data_config), sized)
    return MemorySource(_store(data_config), data_config)


def _store(data_config):
    entry, config = registry.dataset_entry(data_config.dataset), data_config.dataset_config
    variant = registry.dataset_variant(data_config.dataset, data_config.dataset_variant)
    directory = locations.prepared_directory(data_config)
    if os.path.isfile(os.path.join(directory, prepared_files.INFO)):
        return PreparedExamples(data_config)
    if config == "official":
        raise UserError(f"data set {data_config.dataset}/{locations.config_name(data_config)} is not prepared; run "
                        f"`{locations.prepare_command(data_config)}` on a machine with TensorFlow, and copy "
                        f"{directory} to this one if that is another")
    drawn = catalogue.find(data_config.dataset, variant)
    if drawn is None:
        raise UserError(f"--dataset_config={config!r} does not exist for {data_config.dataset}; use official")
    return DrawnExamples(data_config, drawn, entry.version)


class MemorySource:
    """A data set as arrays. Its attributes are those of `tfobj.data.source`.

    Args:
        store: See the module.
        data_config: `DataConfig`. The preprocessing and `sequence_frames` are used.

    Raises:
        UserError: the preprocessing or the number of frames is impossible.
    """

    def __init__(self, store, data_config):
        self._store = store
        self._frames = framing.checked_frames(data_config.sequence_frames, store.num_frames, store.name)
        self.num_frames = 0 if data_config.sequence_frames == 1 else self._frames
        self.has_masks, self.has_factors = store.has_masks, store.has_factors
        self.max_objects, self.class_names = store.max_objects, store.class_names
        self.preprocessing = framing.plan(data_config.preprocessing, store.image_shape, data_config.image_size,
                                          data_config.image_channels, data_config.grayscale)
        self.image_shape = self.preprocessing.image_shape
        self._all_images = functools.lru_cache(maxsize=None)(self._images)

    def num_examples(self, split):
        """Examples of `split` before filters; raises `UserError` for a split that the data set does not have."""
        if split not in self._store.sizes:
            raise UserError(f"--dataset={self._store.name} has no split {split!r}; it has "
                            f"{', '.join(sorted(self._store.sizes))}")
        return self._store.sizes[split]

    def object_counts(self, split):
        """Numbers of foreground objects, int32 [n], of all examples of `split`."""
        if self.max_objects is None:
            raise object_filters.no_counts(self._store.name)
        return _num_objects(self._arrays(split)["visibility"])

    def object_classes(self, split, factor):
        """Classes of the objects, int16 [n,N], -1 where there is none, and their names, tuple of str.

        Raises:
            UserError: the data set has no such factor, or it does not say which objects there are.
        """
        arrays = self._arrays(split) if self.max_objects is not None else {}
        known = {name.partition(".")[2] for name, values in arrays.items()
                 if name.startswith("objects.") and values.dtype.kind == "S"}
        known |= set(self.class_names) if arrays else set()
        if factor not in known:
            raise object_filters.no_classes(self._store.name, factor, known)
        return object_filters.classes(arrays["visibility"][:, 1:], arrays[f"objects.{factor}"],
                                      self.class_names.get(factor))

    def images(self, split, positions=None):
        """Preprocessed images.

        Args:
            split: str.
            positions: int [N] or None for all.

        Returns:
            [N,H,W,C], of sequences [N,T,H,W,C]: uint8, or float32 in [0,1]; `LazyImages`, or an array where images pass
            unchanged.
        """
        return self._all_images(split) if positions is None else self._images(split, positions)

    def take(self, split, positions, masks=True, factors=False, frame_masks=False):
        """Some examples as a batch.

        Args:
            split: str.
            positions: int [B].
            masks: bool. With the masks.
            factors: bool. With the factors of the objects.
            frame_masks: bool. With the masks before they are resized.

        Returns:
            dict of arrays as `tfobj.data.source` describes for `batch`.
        """
        positions, arrays = np.asarray(positions, np.int64), self._arrays(split)
        batch = {"image": self.images(split)[positions]}
        for part in ("mask",) * masks + ("background",) * factors:
            if part in arrays:
                batch[part] = self._maps(self._framed(arrays[part])[positions], self.preprocessing.masks)
        if frame_masks and "mask" in arrays:
            batch["frame_mask"] = self._maps(self._framed(arrays["mask"])[positions], self.preprocessing.frame_masks)
        if "visibility" in arrays:
            batch["num_objects"] = _num_objects(arrays["visibility"][positions])
        if factors and "camera" in arrays:
            batch["camera"] = self._framed(arrays["camera"])[positions]
        if factors and "visibility" in arrays:
            batch["visibility"] = arrays["visibility"][positions]
        if factors and self.has_factors:
            batch["objects"] = _objects(arrays, positions)
        return batch

    def factors(self, split, positions):
        """What the objects of some examples are: "visibility" and "objects" of `take`."""
        arrays = self._arrays(split)
        return {"visibility": arrays["visibility"][positions], "objects": _objects(arrays, positions)}

    def fingerprint(self):
        """See `tfobj.data.fingerprints`; the same as where TensorFlow reads the data."""
        return self._store.fingerprint()

    def _arrays(self, split):
        self.num_examples(split)  # names the splits that there are
        return self._store.arrays(split)

    def _images(self, split, positions=None):
        images = np.asarray(self._framed(self._arrays(split)["image"]))
        if positions is None and self.preprocessing.keeps_everything:
            return images
        return LazyImages(images, np.arange(len(images)) if positions is None else positions, self.preprocessing)

    def _framed(self, values):
        """The frames that are used: [n,T, ...] -> [n,t, ...], or [n, ...] of a single one."""
        if not self._store.num_frames:
            return values
        return values[:, :self._frames] if self.num_frames else values[:, 0]

    def _maps(self, maps, function):
        """Preprocesses uint8 [B,H,W] or [B,T,H,W] with a function of pictures [N,H,W,1]."""
        frames = function(maps.reshape(-1, *maps.shape[-2:], 1))  # [B*T,h,w]
        return frames.reshape(*maps.shape[:-2], *frames.shape[1:])


class MemoryTrainingInput:
    """The train split in the order of `tfobj.data.order.TrainingOrder`, which is that of `pipeline.TrainingInput`.

    Args:
        source: `MemorySource`.
        data_config: `DataConfig`.
        batch_size: int. Examples per step over all devices.
        seed: int. Seed of the order.
        masks: bool. Batches carry the masks. Defaults to `False`.
        factors: bool. Batches carry the factors of the objects. Defaults to `False`.

    Attributes:
        num_examples: int. Examples after the filters.
        steps_per_epoch: int.
        images: [num_examples, ...], the images after the filters, see `MemorySource.images`.
        examples: Dict of arrays [num_examples, ...], what batches consist of: `image`, these images, and with `factors`
            `visibility` and `objects`, without texts; with `with_parts` `precomputed`.

    Raises:
        UserError: the filters leave less than one batch, or cannot be applied to this data.
    """

    def __init__(self, source, data_config, batch_size, seed, masks=False, factors=False):
        self._order = TrainingOrder(source, data_config, batch_size, seed)
        self.num_examples, self.steps_per_epoch = self._order.num_examples, self._order.steps_per_epoch
        is_whole = self.num_examples == source.num_examples("train")
        self.images = source.images("train", None if is_whole else self._order.kept)
        self.examples = {"image": self.images, **(source.factors("train", self._order.kept) if factors else {})}
        self.examples = without_texts(self.examples)
        self._take = functools.partial(source.take, "train", masks=masks, factors=factors)

    def with_parts(self, parts):
        """The same batches, with rows of further arrays under `precomputed`, see `pipeline.TrainingInput`."""
        other = copy.copy(self)
        other.examples = {**self.examples, "precomputed": dict(parts)}
        return other

    def rows(self, step):
        """Positions in `images`, int64 [batch_size], of the examples of a step (int)."""
        return self._order.rows(step)

    def batch(self, step):
        """The batch of a step (int): dict of arrays, see `MemorySource.take`."""
        batch, parts = self._take(self._order.positions(step)), self.examples.get("precomputed", {})
        rows = {name: values[self.rows(step)] for name, values in parts.items()}
        return {**batch, "precomputed": rows} if parts else batch


class MemoryEvaluationInput:
    """One pass over the first examples of a split, as `pipeline.EvaluationInput`.

    Args:
        source: `MemorySource`.
        data_config: `DataConfig`; its object filters are applied.
        split: str.
        num_examples: int. Take the first so many after the filters (fewer if there are no more); 0: all.
        batch_size: int. Examples per batch over all devices.
        factors: bool. Batches carry the factors of the objects. Defaults to `False`.
        frame_masks: bool. Batches carry the masks before they are resized. Defaults to `False`.

    Attributes:
        num_examples: int. Valid examples of the pass.
        num_batches: int.

    Raises:
        UserError: the filters leave nothing, or cannot be applied to this data.
    """

    def __init__(self, source, data_config, split, num_examples, batch_size, factors=False, frame_masks=False):
        self._order = EvaluationOrder(source, data_config, split, num_examples, batch_size)
        self.num_examples, self.num_batches = self._order.num_examples, self._order.num_batches
        self._source, self._split = source, split
        self._take = functools.partial(source.take, split, factors=factors, frame_masks=frame_masks)
        self._take(self._order.kept[:1])  # what has to be drawn or decoded is made now, and not in the middle of a run

    def batches(self):
        """Yields the batches: dicts of arrays as of `MemorySource.take`, with `valid` and `index` as in
        `pipeline.EvaluationInput.dataset`."""
        for number in range(self.num_batches):
            positions, index, valid = self._order.batch(number)
            yield {**self._take(positions), "index": index, "valid": valid}

    def examples(self, count):
        """The first `count` examples (fewer if there are no more) as one batch: dict of arrays."""
        return self._take(self._order.kept[:count])

    def factors(self):
        """What the objects of all examples are, see `pipeline.EvaluationInput.factors`."""
        return self._source.factors(self._split, self._order.kept)


def without_texts(batch):
    """A dict of arrays and dicts without the arrays of texts, which no device takes."""
    parts = {name: without_texts(value) if isinstance(value, dict) else value for name, value in batch.items()}
    return {name: value for name, value in parts.items() if isinstance(value, dict) or value.dtype.kind not in "SUO"}


def _objects(arrays, positions):
    """Dict from factor to the rows at `positions`, [B,N, ...]."""
    return {name.partition(".")[2]: values[positions] for name, values in arrays.items() if name.startswith("objects.")}


def _num_objects(visibility):
    """int32 [n] from bool [n,N+1]. Counts entities other than the background, which is always there."""
    return visibility[:, 1:].sum(axis=1, dtype=np.int32)
