"""What the tests of checkpoints share: a run directory, tiny models, random values."""

import functools
import pathlib
import tempfile
import unittest

import numpy as np

from tests import helpers
from tfobj import config
from tfobj import registry
from tfobj.training import checkpoints
from tfobj.training import schedules


@functools.cache
def shared_parts(optimizer="adam", **changes):
    """A tiny model and its optimizer, whose values tests change."""
    return new_parts(optimizer, **changes)


def new_parts(optimizer="adam", **changes):
    """A tiny model and its optimizer."""
    model = registry.build_model("slot_attention", helpers.slot_attention_config(**changes), (8, 8, 3))
    optimizer = schedules.make_optimizer(config.TrainConfig(optimizer=optimizer))
    optimizer.build(model.trainable_variables)
    return model, optimizer


def randomize(model, optimizer, seed=1):
    """Gives every variable random values, the step too."""
    generator = np.random.default_rng(seed)
    for variable in (*model.weights, *optimizer.variables):
        variable.assign(generator.integers(1, 100, variable.shape))


def values_of(model, optimizer):
    """Every variable as an array."""
    return [helpers.array(variable) for variable in (*model.weights, *optimizer.variables)]


class CheckpointsTestCase(unittest.TestCase):
    """A run directory."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def open(self, keep=2, chief=True, **changes):
        return checkpoints.Checkpoints(self.root, *shared_parts(**changes), keep, chief)

    def names(self, folder="checkpoints"):
        return {path.name for path in (self.root / folder).iterdir()}
