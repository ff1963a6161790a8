"""What a model does before its first step, such as reading weights, is done once."""

import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

import numpy as np

from tests.helpers import array
from tests.training import runs
from tfobj.errors import UserError
from tfobj.models.slot_attention import SlotAttentionAutoencoder
from tfobj.training import launch
from tfobj.training.trainer import Trainer


def start(model):
    """Gives the first weight a value that no initialiser gives."""
    model.trainable_variables[0].assign(np.full(model.trainable_variables[0].shape, 7.0))
    return ["these weights are sevens"]


class StartTrainingTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.run_dir = os.path.join(directory.name, "run")

    def test_weights_are_read_before_the_first_step_and_not_before_a_resume(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), mock.patch.object(SlotAttentionAutoencoder, "start_training", start):
            launch.train(runs.experiment(num_steps=1, warmup_steps=0, validation_examples=0), self.run_dir)
            self.assertIn("warning: these weights are sevens", output.getvalue())
            trainer = Trainer(runs.experiment(num_steps=2, warmup_steps=0, validation_examples=0), self.run_dir)
            restored = array(trainer.model.trainable_variables[0])
            np.testing.assert_allclose(restored, 7.0, atol=0.1)
            self.assertGreater(restored.std(), 0.0)  # one step away from what was read
            trainer.run()
        self.assertEqual(output.getvalue().count("sevens"), 1)

    def test_a_file_that_is_missing_leaves_no_run_behind(self):
        with mock.patch.object(SlotAttentionAutoencoder, "start_training", side_effect=UserError("no such file")):
            with self.assertRaisesRegex(UserError, "no such file"):
                Trainer(runs.experiment(num_steps=1), self.run_dir)
        self.assertFalse(os.path.exists(os.path.join(self.run_dir, "config.json")))


if __name__ == "__main__":
    unittest.main()
