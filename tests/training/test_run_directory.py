"""Run directories: what is written, what may change, what is refused."""

import dataclasses
import json
import pathlib
import tempfile
import unittest

from tests.training import runs
from tfobj.errors import UserError
from tfobj.training import run_directory

SHAPE = (32, 32, 3)


class RunDirectoryTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = pathlib.Path(temporary.name) / "run"

    def prepare(self, experiment, shape=SHAPE):
        run_directory.check_run(self.path, experiment, shape, {"sha256": "abc"})
        run_directory.write_run(self.path, experiment, shape, {"sha256": "abc"})

    def test_what_is_written_is_read_back(self):
        experiment = runs.experiment()
        self.prepare(experiment)
        run = run_directory.read_run(self.path)
        self.assertEqual(run.config, experiment)
        self.assertEqual(run.image_shape, SHAPE)
        self.assertEqual(run.fingerprint, {"sha256": "abc"})
        self.assertTrue((self.path / "command.txt").read_text())
        self.assertIn("tensorflow", json.loads((self.path / "config.json").read_text())["versions"])

    def test_the_same_run_may_go_on_longer_elsewhere_and_on_other_devices(self):
        self.prepare(runs.experiment())
        self.prepare(runs.experiment(num_steps=99, strategy="mirrored", log_every=7))
        self.assertEqual(run_directory.read_run(self.path).config.train.num_steps, 99)
        experiment = runs.experiment()
        data = dataclasses.replace(experiment.data, data_dir="elsewhere", input="memory")
        self.prepare(dataclasses.replace(experiment, data=data))

    def test_another_run_is_refused_and_what_differs_is_named(self):
        self.prepare(runs.experiment())
        with self.assertRaisesRegex(UserError, r"batch_size: 8 -> 16.*seed: 0 -> 3"):
            self.prepare(runs.experiment(batch_size=16, seed=3))
        with self.assertRaisesRegex(UserError, "num_slots: 4 -> 5"):
            self.prepare(runs.experiment({"num_slots": 5}))
        with self.assertRaisesRegex(UserError, "sha256: abc -> other"):
            run_directory.check_run(self.path, runs.experiment(), SHAPE, {"sha256": "other"})

    def test_the_length_of_a_cosine_run_is_part_of_it(self):
        cosine = runs.experiment(decay="cosine", decay_steps=0)
        self.prepare(cosine)
        longer = dataclasses.replace(cosine, train=dataclasses.replace(cosine.train, num_steps=99))
        with self.assertRaisesRegex(UserError, "num_steps: 10 -> 99"):
            self.prepare(longer)

    def test_no_run_and_damaged_run(self):
        with self.assertRaisesRegex(UserError, "holds no run"):
            run_directory.read_run(self.path)
        self.prepare(runs.experiment())
        (self.path / "config.json").write_text("{")
        with self.assertRaisesRegex(UserError, "damaged"):
            run_directory.read_run(self.path)

    def test_a_directory_that_cannot_be_made(self):
        self.path.write_text("a file")
        with self.assertRaisesRegex(UserError, "cannot be written"):
            self.prepare(runs.experiment())

    def test_one_process_at_a_time(self):
        self.path.mkdir()
        lock = run_directory.lock_run(self.path)
        with self.assertRaisesRegex(UserError, "another process is training in"):
            run_directory.lock_run(self.path)
        lock.close()
        run_directory.lock_run(self.path).close()

    def test_the_first_versions_and_every_command_are_kept(self):
        self.prepare(runs.experiment())
        content = json.loads((self.path / "config.json").read_text())
        first = {**content["versions"], "tfobj": "0.0.1"}
        (self.path / "config.json").write_text(json.dumps({**content, "versions": first}))
        self.prepare(runs.experiment(num_steps=20))
        self.prepare(runs.experiment(num_steps=30))
        resumed = json.loads((self.path / "config.json").read_text())
        self.assertEqual(resumed["versions"], first)
        self.assertEqual(resumed["resumed_with"], [content["versions"]])
        self.assertEqual(len((self.path / "command.txt").read_text().splitlines()), 3)

    def test_load_without_checkpoint(self):
        self.prepare(runs.experiment())
        with self.assertRaisesRegex(UserError, "no checkpoint yet"):
            run_directory.load_run(self.path)
