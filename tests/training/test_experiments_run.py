"""Every experiment file trains for one step, with few channels, on the tiny configuration of its data set."""

import contextlib
import dataclasses
import io
import tempfile
import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj.data import prepared
from tfobj.training import launch

FILES = sorted(path.relative_to(helpers.ROOT) for path in (helpers.ROOT / "experiments").rglob("*.flags")
               if path.name != "_base.flags")
SIZES = {"train": 16, "validation": 8, "test": 1}
CHANNELS = 8  # the published numbers are those of tests.test_experiments


class ExperimentsRunTest(unittest.TestCase):
    def test_one_step_of_every_experiment(self):
        with tempfile.TemporaryDirectory() as root:
            for path in FILES:
                with self.subTest(path=str(path)):
                    self.run_one_step(path, root)

    def run_one_step(self, path, root):
        experiment = read_experiment(f"--flagfile={path}")
        data = dataclasses.replace(experiment.data, dataset_config="tiny", data_dir=f"{root}/data")
        train = dataclasses.replace(experiment.train, num_steps=1, batch_size=2, validation_examples=2,
                                    eval_batch_size=2, strategy="one_device")
        narrow = {field.name: CHANNELS for field in dataclasses.fields(experiment.model_config)
                  if field.name.endswith("_channels")}
        experiment = dataclasses.replace(experiment, data=data, train=train,
                                         model_config=dataclasses.replace(experiment.model_config, **narrow))
        with contextlib.redirect_stdout(io.StringIO()):
            prepared.prepare_dataset(data, split_sizes=SIZES)
            scores = launch.train(experiment, f"{root}/{path.stem}")
        self.assertEqual(scores["step"], 1)
        self.assertGreater(scores["loss"], 0.0)
        self.assertIn("ari_fg", scores)
