"""A checkpoint gives everything back, bit for bit, and refuses another model."""

import pathlib
import tempfile
import unittest

import numpy as np

from tests import helpers
from tests.conformance.descriptors import for_every_model
from tfobj import registry
from tfobj.config import TrainConfig
from tfobj.errors import UserError
from tfobj.training import checkpoints
from tfobj.training.schedules import make_optimizer


def model_and_optimizer(descriptor, seed, model_config=None):
    """A model and its optimizer with random values in every variable, except the step."""
    model = descriptor.build(seed, model_config)
    optimizer = make_optimizer(TrainConfig())
    optimizer.build(model.trainable_variables)
    generator = np.random.default_rng(seed)
    for variable in optimizer.variables:
        if np.issubdtype(variable.dtype, np.floating):
            variable.assign(generator.uniform(size=variable.shape))
    return model, optimizer


class CheckpointTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def save(self, descriptor):
        model, optimizer = model_and_optimizer(descriptor, seed=1)
        optimizer.iterations.assign(17)
        path = checkpoints.Checkpoints(self.directory, model, optimizer, keep=2).save(17)
        return model, optimizer, path

    @for_every_model
    def test_checkpoint_restores_model_and_optimizer_bit_for_bit(self, descriptor):
        saved_model, saved_optimizer, _ = self.save(descriptor)
        model, optimizer = model_and_optimizer(descriptor, seed=2)
        self.assertGreater(helpers.largest_difference(saved_model.weights, model.weights), 0.1)
        self.assertEqual(checkpoints.Checkpoints(self.directory, model, optimizer, keep=2).restore(), 17)
        self.assertGreater(len(optimizer.variables), 2 * len(model.trainable_variables))
        for mine, saved in zip([*model.weights, *optimizer.variables],
                               [*saved_model.weights, *saved_optimizer.variables], strict=True):
            np.testing.assert_array_equal(helpers.array(mine), helpers.array(saved), mine.path)

    @for_every_model
    def test_weights_alone_restore_into_a_fresh_model(self, descriptor):
        saved, _, path = self.save(descriptor)
        model = registry.build_model(descriptor.name, descriptor.config, descriptor.image_shape)
        self.assertEqual(checkpoints.restore_model(model, path), 17)
        for mine, theirs in zip(model.weights, saved.weights, strict=True):
            np.testing.assert_array_equal(helpers.array(mine), helpers.array(theirs), mine.path)

    @for_every_model
    def test_checkpoint_of_another_configuration_is_refused(self, descriptor):
        _, _, path = self.save(descriptor)
        model, optimizer = model_and_optimizer(descriptor, 2, descriptor.other_config)
        with self.assertRaisesRegex(UserError, "belongs to another model"):
            checkpoints.Checkpoints(self.directory, model, optimizer, keep=2).restore()
        with self.assertRaisesRegex(UserError, "belongs to another model"):
            checkpoints.restore_model(model, path)
