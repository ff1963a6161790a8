"""`python -m tfobj.prepare`: what it prints, its exit status, and interrupted builds."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from absl import flags
from absl.testing import flagsaver

from tests.data import record_files
from tfobj.errors import UserError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def start(*arguments):
    """Starts `python -m tfobj.prepare` in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", "tfobj.prepare", *arguments], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


class PrepareCommandTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def run_command(self, *arguments):
        process = start(*arguments, f"--data_dir={self.directory}")
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors

    def test_builds_once_and_finds_it_healthy(self):
        status, output, errors = self.run_command("--dataset=tetrominoes", "--dataset_config=tiny")
        self.assertEqual(status, 0, errors)
        self.assertIn(f"tetrominoes/tiny/1.0.0 is ready: {self.directory}/tetrominoes/tiny/1.0.0", output)
        self.assertIn("train 64, validation 16, test 16 examples", output)
        self.assertIn("images 35x35x3, up to 3 objects", output)
        self.assertIn("  train on it: python -m tfobj.train --flagfile=experiments/slot_attention_tetrominoes.flags "
                      f"--dataset_config=tiny --data_dir={self.directory}\n", output)
        status, output, errors = self.run_command("--dataset=tetrominoes", "--dataset_config=tiny", "--check")
        self.assertEqual((status, output.splitlines()[-1]), (0, "healthy"), errors)

    def test_a_damaged_file_ends_with_status_2_and_one_line(self):
        path = record_files.write_bytes(os.path.join(self.directory, "a.tfrecords"), record_files.real_bytes()[:99_999])
        status, output, errors = self.run_command("--check", f"--file={path}")
        self.assertEqual(status, 2)
        problems = [line for line in output.splitlines() if "PROBLEM" in line]
        self.assertEqual(len(problems), 1)
        self.assertIn("record 3 (counted from 0) is cut off", problems[0])
        self.assertEqual(output.splitlines()[-1], "1 problem found")
        self.assertNotIn("Traceback", errors)

    def test_a_kill_in_the_middle_leaves_nothing_that_looks_complete(self):
        process = start("--dataset=tetrominoes", "--workers=2", f"--data_dir={self.directory}")
        staging = os.path.join(self.directory, ".incomplete", "tetrominoes-generated", "tetrominoes")
        deadline = time.monotonic() + 60
        while not os.path.isdir(staging) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(os.path.isdir(staging))
        time.sleep(1.0)
        process.kill()  # the command alone, not its workers
        process.communicate(timeout=30)  # returns only when the workers have closed their output, too
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "tetrominoes")))


class PrepareFlagsTest(unittest.TestCase):
    """Flags are checked before anything slow is imported."""

    def call(self, *arguments):
        from tfobj import prepare

        with flagsaver.flagsaver():
            flags.FLAGS(["prepare", *arguments])
            return prepare.main()

    def test_impossible_flags_are_named(self):
        for arguments, message in (((), "no data set was chosen; give --dataset=NAME, one of: apc, clevr_masks, "),
                                   (("--dataset=tetris",), "--dataset='tetris' is unknown"),
                                   (("--file=x",), "--file goes with --check"),
                                   *((("--dataset=tetrominoes", f"--split_sizes={sizes}"), "neither three positive .*"
                                      "such as 6,2,2, nor one .*, such as 50, nor .* such as test:50")
                                     for sizes in ("1,2", "1,x,2", "x", "0", "test:0", "test:1,2", "test:1,test:2",
                                                   ":3", "test:", "test:-1"))):
            with self.subTest(arguments=arguments), self.assertRaisesRegex(UserError, message):
                self.call(*arguments)

    def test_a_folder_needs_no_preparation(self):
        for arguments in ((), ("--check",)):
            with self.assertRaisesRegex(UserError, "needs no preparation.*--image_dir=DIRECTORY --image_size=64"):
                self.call("--dataset=folder", *arguments)

    def test_sizes_of_splits(self):
        for sizes, expected in (("5,2,1", "train 5, validation 2, test 1 examples"),
                                ("3", "train 3, validation 3, test 3 examples"),
                                ("test:2", "  test 2 examples"), ("test:1, train:4", "train 4, test 1 examples")):
            output = io.StringIO()
            with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(output):
                self.call("--dataset=colored_shapes", "--dataset_config=tiny", f"--data_dir={directory}",
                          f"--split_sizes={sizes}")
            self.assertIn(expected, output.getvalue())
        for arguments in (("--dataset=objects_room", "--dataset_variant=six_objects", "--dataset_config=official",
                           "--split_sizes=train:3"), ("--dataset=colored_shapes", "--split_sizes=rest:3")):
            with self.assertRaisesRegex(UserError, "has no split '(train|rest)'; it has (test|train, validation, tes)"):
                self.call(*arguments)

    def test_list_shows_what_is_prepared(self):
        output = io.StringIO()
        with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(output):
            self.call("--dataset=colored_shapes", "--dataset_config=tiny", f"--data_dir={directory}",
                      "--split_sizes=5,2,2")
            self.call("--list", f"--data_dir={directory}")
        lines = output.getvalue().splitlines()
        rows = [line for line in lines if line.startswith("  [")]
        self.assertEqual(len({len(row) - len(row[6:].split(maxsplit=1)[1]) for row in rows}), 1)  # one column
        lines = [" ".join(line.split()) for line in lines]
        self.assertIn("[x] tiny train 5, validation 2, test 2", lines)
        self.assertIn("[ ] generated train 60,000, validation 10,000, test 10,000", lines)
        self.assertIn("[ ] binarized_official train 60,000, validation 10,000, test 10,000", lines)


if __name__ == "__main__":
    unittest.main()
