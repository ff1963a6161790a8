"""Batches for training and evaluation: order, filters, sharding over workers and replicas, exact resume.

Nothing here is random in itself. Which examples make up step s is computed from the seed and s, so a run that starts
at step s sees what an uninterrupted run would have seen, on any number of workers and replicas, and starts at once.
"""

import functools
import os
import threading
import time

import numpy as np
import tensorflow as tf

from tfobj.data import object_filters
from tfobj.errors import UserError


class TrainingInput:
    """Endless batches of the train split.

    Epoch e visits the kept examples in the order `epoch_order(seed, e, num_examples)`; the examples that do not fill
    a last batch are left out of that epoch. Kept are, of the first --num_train_examples, those with --min_objects to
    --max_objects objects and without --exclude_objects.

    Args:
        source: A source as described in `tfobj.data.source`.
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
        total = source.num_examples("train")
        first = min(data_config.num_train_examples or total, total)
        self._kept = object_filters.kept_positions(source, "train", data_config)
        self._kept = self._kept[self._kept < first]
        self._source, self._batch_size = source, batch_size
        self._decode = functools.partial(source.batch, masks=masks, factors=factors)
        self.num_examples = len(self._kept)
        self.steps_per_epoch = self.num_examples // batch_size
        if not self.steps_per_epoch:
            raise UserError(f"--batch_size={batch_size} but only {self.num_examples} of {total} training examples are "
                            "left; use a smaller --batch_size, more data, or relax --num_train_examples, "
                            "--min_objects, --max_objects, --exclude_objects")
        self._reads = _Reads()
        source.read("train", self._kept[:1])  # damaged files are reported here and not from inside TensorFlow
        self._order = functools.lru_cache(maxsize=2)(
            lambda epoch: self._kept[epoch_order(seed, epoch, self.num_examples)])

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
            epoch, step = divmod(step, self.steps_per_epoch)
            return (self._source.read("train", self._order(epoch)[step * self._batch_size + rows]),)

        counters = tf.data.Dataset.counter(start_step * replicas_per_shard)
        return _load(counters, self._reads.counted(read), (tf.string,), cut.rows, self._decode)

    def settle(self):
        """Waits until the datasets made here have filled their buffers and read no more.

        An iterator that Python forgets while one of its threads waits for the interpreter may hang or crash the
        process; call this before an iterator that was not read to its end goes out of use.
        """
        self._reads.wait_until_idle()


class EvaluationInput:
    """One pass over the first examples of a split, in their order, in full batches.

    The last global batch is filled up with copies of earlier examples that are marked `valid=False`: every replica
    gets a full batch, whatever the number of examples.

    Args:
        source: A source as described in `tfobj.data.source`.
        data_config: `DataConfig`; its object filters are applied.
        split: str.
        num_examples: int. Take the first so many after the filters (fewer if there are no more); 0: all.
        batch_size: int. Examples per batch over all workers and replicas.
        factors: bool. Batches carry the factors of the objects, see `tfobj.data.source`. Defaults to `False`.

    Attributes:
        num_examples: int. Valid examples of the pass.
        num_batches: int. Global batches.

    Raises:
        UserError: the filters leave nothing, or cannot be applied to this data.
    """

    def __init__(self, source, data_config, split, num_examples, batch_size, factors=False):
        self._kept = object_filters.kept_positions(source, split, data_config)[:num_examples or None]
        self._decode = functools.partial(source.batch, factors=factors)
        self._source, self._split, self._batch_size = source, split, batch_size
        self.num_examples = len(self._kept)
        self.num_batches = -(-self.num_examples // batch_size)
        if not self.num_examples:
            raise UserError(f"{object_filters.described(data_config)} leave none of the {source.num_examples(split)} "
                            f"examples of split {split!r}; relax the filters")
        source.read(split, self._kept[:1])  # as above

    def dataset(self, num_shards=1, shard_index=0, replicas_per_shard=1):
        """Per-replica batches of the whole pass; arguments, sharding and errors as in `TrainingInput.dataset`.

        Returns:
            `tf.data.Dataset` of `num_batches * replicas_per_shard` dicts as `source.batch` makes them, plus `valid`
            bool [B] (False for the copies that fill the last batch) and `index` int64 [B] (position of the example in
            the split after filters).
        """
        cut = _Cut(self._batch_size, num_shards, shard_index, replicas_per_shard, "--eval_batch_size")

        def read(counter):
            step, rows = cut(int(counter))
            rows = step * self._batch_size + rows
            index = (rows % self.num_examples).astype(np.int64)
            return self._source.read(self._split, self._kept[index]), index, rows < self.num_examples

        def batch(records, index, valid):
            return {**self._decode(records), "index": index, "valid": valid}

        counters = tf.data.Dataset.range(self.num_batches * replicas_per_shard)
        return _load(counters, read, (tf.string, tf.int64, tf.bool), cut.rows, batch)

    def examples(self, count):
        """The first `count` examples (fewer if there are no more) as one batch: dict of arrays, see `source.batch`."""
        records = self._source.read(self._split, self._kept[:count])
        batch = self._decode(tf.constant(list(records)))
        return tf.nest.map_structure(lambda value: value.numpy(), batch)


def epoch_order(seed, epoch, count):
    """A uniformly random order of `count` examples that depends on the arguments alone.

    Random keys are sorted instead of shuffling with a generator: raw generator output is what NumPy promises to keep
    between versions. One million examples take 0.1 s.

    Args:
        seed: int, not negative.
        epoch: int, not negative.
        count: int.

    Returns:
        int64 [count], a permutation.
    """
    keys = np.random.PCG64(np.random.SeedSequence([seed, epoch])).random_raw(count)
    return np.argsort(keys, kind="stable")


class _Cut:
    """Maps the counter of a worker's batches to the global step and the rows of its global batch."""

    def __init__(self, batch_size, num_shards, shard_index, replicas, flag):
        parts = num_shards * replicas
        if batch_size % parts:
            whole = batch_size // parts * parts
            choices = " or ".join(str(size) for size in (whole, whole + parts) if size)
            raise UserError(f"{flag}={batch_size} cannot be divided by {parts} replicas ({num_shards} workers with "
                            f"{replicas}); use {choices}")
        self.rows = batch_size // parts
        self._first, self._replicas = shard_index * replicas, replicas

    def __call__(self, counter):
        step, replica = divmod(counter, self._replicas)
        return step, (self._first + replica) * self.rows + np.arange(self.rows)


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


def _load(counters, read, types, rows, batch):
    """Reads and decodes several batches at once and delivers them in order.

    A batch is decoded by one thread: with images of a few kilobytes, handing single images between threads would cost
    more than decoding them.
    """
    parallel = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    @tf.autograph.experimental.do_not_convert
    def load(counter):
        arrays = tf.numpy_function(read, [counter], types, stateful=False)
        return batch(*(tf.ensure_shape(array, [rows]) for array in arrays))

    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False  # nothing is left to tune, and its thread delays the end of an iterator by seconds
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = counters.map(load, num_parallel_calls=parallel, deterministic=True)
    return dataset.prefetch(max(2, parallel)).with_options(options)
