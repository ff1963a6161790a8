"""The README's first command: every stage runs, and under the slow flag the objects are found."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from tests import helpers


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def quickstart(self, *words):
        result = subprocess.run(
            [sys.executable, "-m", "tfobj.quickstart", f"--data_dir={self.root / 'data'}",
             f"--run_dir={self.root / 'run'}", *words], cwd=helpers.ROOT, text=True, capture_output=True)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        line = result.stdout.splitlines()[-1]
        match = re.fullmatch(r"quickstart: ari_fg=(-?\d\.\d+) train_seconds=(\d+) picture=(.+)", line)
        self.assertTrue(match, line)
        self.assertTrue((helpers.ROOT / match[3]).is_file())
        self.assertTrue((self.root / "run" / "export" / "1" / "saved_model.pb").is_file())
        return float(match[1]), int(match[2])

    def test_every_stage_runs(self):
        self.quickstart("--dataset_config=tiny", "--num_steps=2", "--batch_size=4", "--encoder_channels=4",
                        "--decoder_channels=4", "--validation_examples=4")

    @unittest.skipUnless(os.environ.get("TFOBJ_SLOW_TESTS") == "1", "takes minutes; TFOBJ_SLOW_TESTS=1 runs it")
    def test_objects_are_found(self):
        score, seconds = self.quickstart()
        print(f"quickstart: ari_fg={score} train_seconds={seconds}")
        self.assertGreaterEqual(score, 0.8)
