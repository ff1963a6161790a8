"""Short training runs through `tfobj.training.step`, the way the trainer runs them."""

import dataclasses
import re

import tensorflow as tf

from tests import helpers
from tests.conformance.descriptors import weights_of
from tfobj.config import TrainConfig
from tfobj.training.schedules import make_optimizer
from tfobj.training.step import TrainingStep

GLOBAL_BATCH = 4
SEED = 3
CLIP_NORM = 0.1  # below every gradient norm that the tiny models have, so that clipping is always at work


@dataclasses.dataclass
class TrainedModel:
    """What a run leaves: the `model`, the `optimizer`, its `initial` weights, and `terms` of the last step."""

    model: object
    optimizer: object
    initial: dict
    terms: dict

    def size_of_whole(self, name):
        """Absolute value of the sum that the term `name` is a slot's part of, 0 where it is none. A part is a difference
        of logarithms that may cancel, and is as exact as the sum."""
        whole = re.fullmatch(r"(kl_[lm])_\d+", name)
        return abs(self.terms[whole[1]]) if whole else 0.0


def train(descriptor, num_steps, strategy=None, jit_compile=False, optimizer="adam", learning_rate=1e-3):
    """Trains a tiny model on a few fixed images.

    Args:
        descriptor: `Descriptor`.
        num_steps: int.
        strategy: `tf.distribute.Strategy` or None for the default.
        jit_compile: bool.
        optimizer: str.
        learning_rate: float.

    Returns:
        `TrainedModel`.
    """
    strategy = strategy or tf.distribute.get_strategy()
    config = TrainConfig(learning_rate=learning_rate, warmup_steps=0, decay="none", optimizer=optimizer)
    with strategy.scope():
        model = descriptor.build()
        optimizer = make_optimizer(config)
        optimizer.build(model.trainable_variables)
    initial = weights_of(model)
    step = TrainingStep(model, optimizer, strategy, SEED, CLIP_NORM, jit_compile)
    _, _, terms = step.run(iter(_batches(descriptor, strategy)), num_steps)
    return TrainedModel(model, optimizer, initial, {name: float(value) for name, value in terms.items()})


def _batches(descriptor, strategy):
    """Global batches; replica r reads the r-th part of each, as from the trainer's pipeline."""
    batch = descriptor.batch(3 * GLOBAL_BATCH)

    def dataset(context):
        per_replica = context.get_per_replica_batch_size(GLOBAL_BATCH)
        return tf.data.Dataset.from_tensor_slices(batch).batch(per_replica, drop_remainder=True).repeat()

    return strategy.distribute_datasets_from_function(dataset)
