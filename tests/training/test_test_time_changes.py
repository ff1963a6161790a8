"""A trained model is scored with options that may differ from those of its training."""

import pathlib
import tempfile
import unittest
from unittest import mock

import numpy as np

from tests import helpers
from tests.parsed_flags import parsed
from tfobj import config
from tfobj import flags as experiment_flags
from tfobj import genesis_config
from tfobj import registry
from tfobj.errors import UserError
from tfobj.serving.options import ServingOptions
from tfobj.training import evaluate_run
from tfobj.training import run_directory
from tfobj.training.checkpoints import Checkpoints
from tfobj.training.opened_run import OpenedRun, Settings
from tfobj.training.schedules import make_optimizer


class TestTimeChangesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.run_dir = pathlib.Path(directory.name) / "run"
        cls.experiment = config.ExperimentConfig(
            "genesis_v2", genesis_config.GenesisV2Config(num_slots=3, feature_size=8),
            config.DataConfig(dataset="colored_shapes", dataset_config="tiny"), config.TrainConfig(num_steps=1))
        cls.model = helpers.perturb(registry.build_model("genesis_v2", cls.experiment.model_config, (32, 32, 3)))
        optimizer = make_optimizer(cls.experiment.train)
        optimizer.build(cls.model.trainable_variables)
        run_directory.write_run(cls.run_dir, cls.experiment, (32, 32, 3), {})
        Checkpoints(cls.run_dir, cls.model, optimizer, keep=1).save(1)

    def test_the_model_is_built_with_the_changes_and_the_trained_weights(self):
        run = run_directory.load_run(self.run_dir, "latest", {"dynamic_slots": True, "min_slot_mass": 70.0})
        self.assertTrue(run.model.stick_breaking.dynamic)
        self.assertEqual(run.model.stick_breaking.min_mass, 70.0 / 4)
        for mine, theirs in zip(run.model.weights, self.model.weights, strict=True):
            np.testing.assert_array_equal(helpers.array(mine), helpers.array(theirs), mine.path)
        self.assertFalse(run_directory.load_run(self.run_dir, "latest").model.stick_breaking.dynamic)

    def test_a_model_that_has_no_such_option_is_named(self):
        with self.assertRaisesRegex(UserError, "--wobble is no flag of --model=genesis_v2"):
            run_directory.load_run(self.run_dir, "latest", {"wobble": 1})
        with self.assertRaisesRegex(UserError, "--wobble is no flag of --model=genesis_v2"):
            run_directory.read_run(self.run_dir, {"wobble": 1})  # without building a model
        self.assertTrue(run_directory.read_run(self.run_dir, {"dynamic_slots": True}).config.model_config.dynamic_slots)

    def test_iterations_of_a_model_without_any_are_refused(self):
        message = "--num_iterations=3: .* no iterations; leave it out"
        with self.assertRaisesRegex(UserError, message):
            OpenedRun(Settings(self.run_dir, checkpoint="latest", num_iterations=3))
        with self.assertRaisesRegex(UserError, message):
            ServingOptions(num_iterations=3).check_model(self.model)

    def test_what_differs_is_in_the_file_names_and_in_the_table(self):
        settings = Settings(self.run_dir, checkpoint="latest", model_changes={"dynamic_slots": True})
        with mock.patch.object(OpenedRun, "__init__", lambda opened, settings: None):
            opened = OpenedRun(settings)
        opened.settings, opened.data_config = settings, self.experiment.data
        opened._run = opened.config = mock.Mock(directory=self.run_dir, data=self.experiment.data)
        paths = opened.write("evaluation", {}, np.zeros((2, 2, 3), np.uint8))
        self.assertEqual(paths[0].name, "evaluation_latest_dynamic_slotsTrue.json")
        table = evaluate_run.table({
            "model": "genesis_v2", "data": "shapes", "split": "test", "step": 5, "num_slots": 3, "noise_seed": 0,
            "num_iterations": None, "model_changes": {"dynamic_slots": True},
            "scores": {"num_images": 2, "ari_fg": 0.5}})
        self.assertIn("2 images of shapes (test), step 5, K=3, dynamic_slots=True, noise seed 0\nari_fg", table)

    def test_flags_that_were_set(self):
        with parsed("--dynamic_slots", "--min_slot_mass=70", "--num_slots=5"):
            changes = experiment_flags.read_test_time_changes()
        self.assertEqual(changes, {"dynamic_slots": True, "min_slot_mass": 70.0})
        with parsed("--min_slot_mass=-1"), self.assertRaisesRegex(UserError, "below the smallest possible value"):
            experiment_flags.read_test_time_changes()


if __name__ == "__main__":
    unittest.main()
