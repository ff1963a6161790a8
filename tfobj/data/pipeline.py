"""Batches for training and evaluation as `tf.data`: sharding over workers and replicas, exact resume.

Which examples make up a step is computed from the seed and the step (`tfobj.data.order`), so a run that starts at step
s sees what an uninterrupted run would have seen, on any number of workers and replicas, and starts at once.
"""

import copy
import functools
import threading
import time

import tensorflow as tf

from tfobj.data import machine
from tfobj.data.order import EvaluationOrder
from tfobj.data.order import TrainingOrder
from tfobj.errors import UserError


class TrainingInput:
    """Endless batches of the train split, in the order of `tfobj.data.order.TrainingOrder`.

    Args:
        source: A source as described in `tfobj.data.source`, or `tfobj.data.memory.MemorySource`.
        data_config: `DataConfig`.
        batch_size: int. Examples per step over all workers and replicas.
        seed: int. Seed of the order.
        masks: bool. Decode the masks too, which learning without supervision does not look at. Defaults to `False`.
        factors: bool. Batches carry the factors of the objects, see `tfobj.data.source`. Defaults to `False`.

    Attributes:
        num_examples: int. Examples after the filters.
        steps_per_epoch: int.

    Raises:
        UserError: the filters leave less than one batch, or cannot be applied to this data.
    """

    def __init__(self, source, data_config, batch_size, seed, masks=False, factors=False):
        self._order = TrainingOrder(source, data_config, batch_size, seed)
        self.num_examples, self.steps_per_epoch = self._order.num_examples, self._order.steps_per_epoch
        self._source, self._batch_size, self._reads = source, batch_size, _Reads()
        self._loader, self._parts = _loader(source, "train", masks=masks, factors=factors), {}
        self._loader.read(self._order.kept[:1])  # damaged files are reported here and not from inside TensorFlow

    def with_parts(self, parts):
        """The same batches, with rows of further arrays.

        Args:
            parts: Dict from name to array [num_examples, ...], in the order of the examples that are left after the
                filters.

        Returns:
            `TrainingInput` whose batches have a dict of their rows under `precomputed`.
        """
        other = copy.copy(self)
        other._parts = dict(parts)
        return other

    def dataset(self, start_step=0, num_shards=1, shard_index=0, replicas_per_shard=1):
        """Per-replica batches from `start_step` on, for ever.

        Args:
            start_step: int. The step whose batch comes first.
            num_shards: int. Workers; each global batch is cut into as many contiguous parts.
            shard_index: int. This worker; only its part is read.
            replicas_per_shard: int. Replicas per worker: the part is delivered as that many batches, one after the
                other. All parts of all workers, concatenated, are the global batch.

        Returns:
            `tf.data.Dataset` of dicts as `source.batch` makes them, without end.

        Raises:
            UserError: the batch cannot be divided.
        """
        cut = _Cut(self._batch_size, num_shards, shard_index, replicas_per_shard, "--batch_size")

        def read(counter):
            step, rows = cut(int(counter))
            rows = self._order.rows(step)[rows]
            return *self._loader.read(self._order.kept[rows]), *(values[rows] for values in self._parts.values())

        def batch(*arrays):
            examples, parts = arrays[:len(self._loader.specs)], arrays[len(self._loader.specs):]
            batch = self._loader.batch(*examples)
            return {**batch, "precomputed": dict(zip(self._parts, parts))} if self._parts else batch

        counters = tf.data.Dataset.counter(start_step * replicas_per_shard)
        specs = *self._loader.specs, *(tf.TensorSpec(part.shape[1:], part.dtype) for part in self._parts.values())
        return _load(counters, self._reads.counted(read), specs, cut.size, batch)

    def settle(self):
        """Waits until the datasets made here have filled their buffers and read no more.

        An iterator that Python forgets while one of its threads waits for the interpreter may hang or crash the
        process; call this before an iterator that was not read to its end goes out of use.
        """
        self._reads.wait_until_idle()


class EvaluationInput:
    """One pass over the first examples of a split in full batches, as `tfobj.data.order.EvaluationOrder` has them.

    Every replica gets a full batch, whatever the number of examples.

    Args:
        source: As for `TrainingInput`.
        data_config: `DataConfig`; its object filters are applied.
        split: str.
        num_examples: int. Take the first so many after the filters (fewer if there are no more); 0: all.
        batch_size: int. Examples per batch over all workers and replicas.
        factors: bool. Batches carry the factors of the objects, see `tfobj.data.source`. Defaults to `False`.
        frame_masks: bool. Batches carry the masks before they are resized, too. Defaults to `False`.

    Attributes:
        num_examples: int. Valid examples of the pass.
        num_batches: int. Global batches.

    Raises:
        UserError: the filters leave nothing, or cannot be applied to this data.
    """

    def __init__(self, source, data_config, split, num_examples, batch_size, factors=False, frame_masks=False):
        self._order = EvaluationOrder(source, data_config, split, num_examples, batch_size)
        self.num_examples, self.num_batches = self._order.num_examples, self._order.num_batches
        self._source, self._split = source, split
        self._batch_size, self._reads = batch_size, _Reads()
        self._loader = _loader(source, split, factors=factors, frame_masks=frame_masks)
        self._loader.read(self._order.kept[:1])  # as above

    def dataset(self, num_shards=1, shard_index=0, replicas_per_shard=1):
        """Per-replica batches of the whole pass; arguments, sharding and errors as in `TrainingInput.dataset`.

        Returns:
            `tf.data.Dataset` of `num_batches * replicas_per_shard` dicts as `source.batch` makes them, plus `valid`
            bool [B] (False for the copies that fill the last batch) and `index` int64 [B] (position of the example in
            the split after filters).
        """
        cut = _Cut(self._batch_size, num_shards, shard_index, replicas_per_shard, "--eval_batch_size")

        def read(counter):
            number, rows = cut(int(counter))
            positions, index, valid = (values[rows] for values in self._order.batch(number))
            return index, valid, *self._loader.read(positions)

        def batch(index, valid, *arrays):
            return {**self._loader.batch(*arrays), "index": index, "valid": valid}

        counters = tf.data.Dataset.range(self.num_batches * replicas_per_shard)
        specs = (tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.bool), *self._loader.specs)
        return _load(counters, self._reads.counted(read), specs, cut.size, batch)

    def settle(self):
        """As `TrainingInput.settle`, for a pass that was not finished."""
        self._reads.wait_until_idle()

    def examples(self, count):
        """The first `count` examples (fewer if there are no more) as one batch: dict of arrays, see `source.batch`."""
        batch = self._loader.batch(*map(tf.constant, self._loader.read(self._order.kept[:count])))
        return tf.nest.map_structure(lambda value: value.numpy(), batch)

    def factors(self):
        """What the objects of all examples are, row by `index`, without decoding an image.

        Returns:
            Dict of arrays: `visibility` bool [num_examples,N+1], `objects` dict from factor to [num_examples,N, ...],
            texts as bytes. Only of a source that `has_factors`.
        """
        return self._source.factors(self._split, self._order.kept)


def _loader(source, split, **parts):
    """What reads batches of a split: `specs`, of the arrays of one example; `read(positions)`, the arrays with a
    leading axis, outside of TensorFlow's graph; `batch(*arrays)`, a dict of them, inside."""
    return (_Arrays if hasattr(source, "take") else _Records)(source, split, **parts)


class _Records:
    """Serialized examples, which TensorFlow decodes."""

    specs = (tf.TensorSpec([], tf.string),)

    def __init__(self, source, split, **parts):
        self._source, self._split = source, split
        self.batch = functools.partial(source.batch, **parts)

    def read(self, positions):
        """See `_loader`."""
        return (self._source.read(self._split, positions),)


class _Arrays:
    """Arrays that are ready for the model."""

    def __init__(self, source, split, **parts):
        self._take = functools.partial(source.take, split, **parts)
        self._structure = self._take([0])
        self.specs = tuple(tf.TensorSpec(value.shape[1:], value.dtype) for value in tf.nest.flatten(self._structure))

    def read(self, positions):
        """See `_loader`."""
        return tuple(tf.nest.flatten(self._take(positions)))

    def batch(self, *arrays):
        """See `_loader`."""
        return tf.nest.pack_sequence_as(self._structure, arrays)


class _Cut:
    """Maps the counter of a worker's batches to the global step and the rows of its global batch."""

    def __init__(self, batch_size, num_shards, shard_index, replicas, flag):
        parts = num_shards * replicas
        if batch_size % parts:
            whole = batch_size // parts * parts
            choices = " or ".join(str(size) for size in (whole, whole + parts) if size)
            raise UserError(f"{flag}={batch_size} cannot be divided by {parts} replicas ({num_shards} workers with "
                            f"{replicas}); use {choices}")
        self.size = batch_size // parts
        self._first, self._replicas = shard_index * replicas, replicas

    def __call__(self, counter):
        step, replica = divmod(counter, self._replicas)
        first = (self._first + replica) * self.size
        return step, slice(first, first + self.size)


class _Reads:
    """Counts the calls that the threads of a dataset make into Python."""

    def __init__(self):
        self._lock, self._active, self._last = threading.Lock(), 0, 0.0

    def counted(self, read):
        """Returns `read` with its calls counted."""
        def wrapped(*arguments):
            with self._lock:
                self._active += 1
            try:
                return read(*arguments)
            finally:
                with self._lock:
                    self._active, self._last = self._active - 1, time.monotonic()

        return wrapped

    def wait_until_idle(self, quiet=0.2, limit=30.0):
        """Returns when no call has run for `quiet` seconds, at the latest after `limit` seconds."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            with self._lock:
                if not self._active and time.monotonic() - self._last > quiet:
                    return
            time.sleep(quiet / 10)


def _load(counters, read, specs, size, batch):
    """Reads and decodes several batches at once and delivers them in order.

    A batch is decoded by one thread: with images of a few kilobytes, handing single images between threads would cost
    more than decoding them.
    """
    parallel = machine.cores()

    @tf.autograph.experimental.do_not_convert
    def load(counter):
        arrays = tf.numpy_function(read, [counter], [spec.dtype for spec in specs], stateful=False)
        return batch(*(tf.ensure_shape(array, [size, *spec.shape]) for array, spec in zip(arrays, specs)))

    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False  # nothing is left to tune, and its thread delays the end of an iterator by seconds
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = counters.map(load, num_parallel_calls=parallel, deterministic=True)
    return dataset.prefetch(max(2, parallel)).with_options(options)
