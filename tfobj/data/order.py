"""Which examples make up which batch: order, filters and padding. NumPy alone; `pipeline` and `memory` share it.

Nothing here is random in itself: the examples of step s are computed from the seed and s: a run that starts at step s
sees what an uninterrupted run would have seen, and starts at once.
"""

import functools

import numpy as np

from tfobj.data import folder_splits
from tfobj.data import object_filters
from tfobj.errors import UserError


class TrainingOrder:
    """The order of the train split.

    Epoch e visits the kept examples in the order `epoch_order(seed, e, num_examples)`; the examples that do not fill
    a last batch are left out of that epoch. Kept are, of the first --num_train_examples, those with --min_objects to
    --max_objects objects, without --exclude_objects and with --require_objects.

    Args:
        source: Has `num_examples(split)` and, for the filters, `object_counts` and `object_classes` as described in
            `tfobj.data.source`.
        data_config: `DataConfig`.
        batch_size: int. Examples per step.
        seed: int.

    Attributes:
        kept: int64 [num_examples], ascending positions in the split.
        num_examples: int. Examples after the filters.
        steps_per_epoch: int.

    Raises:
        UserError: the filters leave less than one batch, or cannot be applied to this data; there is no train split.
    """

    def __init__(self, source, data_config, batch_size, seed):
        total = _num_training(source, data_config)
        first = min(data_config.num_train_examples or total, total)
        kept = object_filters.kept_positions(source, "train", data_config)
        self.kept = kept[kept < first]
        self.num_examples, self._batch_size = len(self.kept), batch_size
        self.steps_per_epoch = self.num_examples // batch_size
        if not self.steps_per_epoch and data_config.dataset == "folder":
            raise UserError(_too_few_pictures(self.num_examples, batch_size, data_config))
        if not self.steps_per_epoch:
            raise UserError(f"--batch_size={batch_size} but only {self.num_examples} of {total} training examples are "
                            "left; use a smaller --batch_size, more data, or relax --num_train_examples, "
                            "--min_objects, --max_objects, --exclude_objects, --require_objects")
        self._epoch = functools.lru_cache(maxsize=2)(lambda epoch: epoch_order(seed, epoch, self.num_examples))

    def rows(self, step):
        """Positions in `kept`, int64 [batch_size], of the examples of a step (int)."""
        epoch, step = divmod(step, self.steps_per_epoch)
        return self._epoch(epoch)[step * self._batch_size:(step + 1) * self._batch_size]

    def positions(self, step):
        """Positions in the split, int64 [batch_size], of the examples of a step (int)."""
        return self.kept[self.rows(step)]


def _num_training(source, data_config):
    try:
        return source.num_examples("train")
    except UserError as error:
        variant = data_config.dataset_variant
        if not variant:
            raise
        raise UserError(f"--dataset_variant={variant} of {data_config.dataset} has no images to train on; it is for "
                        f"scoring a model that was trained on another variant: python -m tfobj.evaluate --run_dir=RUN "
                        f"--dataset_variant={variant}") from error


def _too_few_pictures(found, batch_size, data_config):
    """The error of a folder that does not fill a batch."""
    limit = data_config.num_train_examples
    if 0 < limit == found:
        return f"--num_train_examples={limit} is less than --batch_size={batch_size}; change one of them"
    return (f"--image_dir={data_config.image_dir} leaves {found} pictures to train on, beside those to validate and "
            f"test with, fewer than --batch_size={batch_size}; use --batch_size={found}, or add pictures until there "
            f"are {folder_splits.needed(batch_size)}")


class EvaluationOrder:
    """One pass over the first examples of a split, in their order, in full batches.

    The last batch is filled up with copies of earlier examples that are marked as not valid.

    Args:
        source: As for `TrainingOrder`.
        data_config: `DataConfig`; its object filters are applied.
        split: str.
        num_examples: int. Take the first so many after the filters (fewer if there are no more); 0: all.
        batch_size: int. Examples per batch.

    Attributes:
        kept: int64 [num_examples], ascending positions in the split.
        num_examples: int. Valid examples of the pass.
        num_batches: int.

    Raises:
        UserError: the filters leave nothing, or cannot be applied to this data.
    """

    def __init__(self, source, data_config, split, num_examples, batch_size):
        self.kept = object_filters.kept_positions(source, split, data_config)[:num_examples or None]
        self.num_examples, self._batch_size = len(self.kept), batch_size
        self.num_batches = -(-self.num_examples // batch_size)
        if not self.num_examples:
            raise UserError(f"{object_filters.described(data_config)} leave none of the {source.num_examples(split)} "
                            f"examples of split {split!r}; relax the filters")

    def batch(self, number):
        """One batch of the pass.

        Args:
            number: int, from 0 to `num_batches` - 1.

        Returns:
            Tuple of arrays [batch_size]: positions in the split, int64; positions in `kept`, int64; valid, bool, false
            for the copies that fill the last batch.
        """
        rows = np.arange(number * self._batch_size, (number + 1) * self._batch_size, dtype=np.int64)
        index = rows % self.num_examples
        return self.kept[index], index, rows < self.num_examples


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
