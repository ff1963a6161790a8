"""Records that cannot be read."""

import contextlib
import dataclasses
import io
import pathlib
import shutil
import tempfile
import unittest

from tests.training import runs
from tfobj.errors import UserError
from tfobj.training import launch


class DamagedRecordsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        shutil.copytree(runs.data_dir(), self.root / "data", ignore=shutil.ignore_patterns(".tfobj"))
        self.file = next((self.root / "data").rglob("*train.tfrecord*"))

    def train(self):
        experiment = runs.experiment(num_steps=3, validation_examples=0)
        data = dataclasses.replace(experiment.data, data_dir=str(self.root / "data"))
        with contextlib.redirect_stdout(io.StringIO()):
            launch.train(dataclasses.replace(experiment, data=data), self.root / "run")

    def test_a_record_that_is_cut_off(self):
        self.file.write_bytes(self.file.read_bytes()[:-100])
        with self.assertRaisesRegex(UserError, "63 complete records, then a broken one, expected 64"):
            self.train()

    def test_pictures_that_cannot_be_decoded(self):
        content = bytearray(self.file.read_bytes())
        start = content.find(b"IDAT")
        while start >= 0:
            content[start + 8:start + 20] = b"x" * 12
            start = content.find(b"IDAT", start + 1)
        self.file.write_bytes(content)
        message = r"a record of --dataset=colored_shapes in .* \(Invalid PNG data.*--check"
        with self.assertRaisesRegex(UserError, message):
            self.train()
