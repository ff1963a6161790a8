"""What is kept on disk of decoded and drawn examples, between starts and after accidents."""

import contextlib
import io
import os
import tempfile
import unittest
import unittest.mock

from tests.data.memory_case import MemoryTestCase
from tfobj.data import drawn_examples
from tfobj.data import memory
from tfobj.data.build_progress import BuildProgress
from tfobj.errors import UserError


class ArraysOnDiskTest(MemoryTestCase):
    """What is kept between starts."""

    def open(self):
        """Opens the set and its arrays."""
        source = memory.open_source(self.config())
        return source, source.take("test", range(16))

    def test_drawn_once(self):
        _, first = self.open()
        with unittest.mock.patch.object(drawn_examples, "draw", side_effect=AssertionError("drawn again")):
            source, again = self.open()
            self.assert_same(again, first)
            with self.assertRaisesRegex(AssertionError, "drawn again"):
                source.take("train", [0])  # splits are drawn when they are needed

    def test_remains_of_a_killed_process_are_removed(self):
        self.open()
        (arrays,) = os.listdir(os.path.join(self.directory, "arrays"))
        self.assertRegex(arrays, "^colored_shapes-tiny-1.0.0-[0-9a-f]{16}$")
        arrays = os.path.join(self.directory, "arrays", arrays)
        os.rename(os.path.join(arrays, "test"), os.path.join(arrays, ".test.partial"))
        os.unlink(os.path.join(arrays, ".test.partial", "image.npy"))
        self.open()
        self.assertEqual(sorted(os.listdir(arrays)), [".test.lock", "test"])

    def test_an_error_while_drawing_leaves_nothing(self):
        with unittest.mock.patch.object(drawn_examples, "draw", side_effect=MemoryError), \
                self.assertRaises(MemoryError):
            self.open()
        (arrays,) = os.listdir(os.path.join(self.directory, "arrays"))
        self.assertEqual(os.listdir(os.path.join(self.directory, "arrays", arrays)), [".test.lock"])

    def test_a_damaged_file(self):
        self.open()
        (arrays,) = os.listdir(os.path.join(self.directory, "arrays"))
        os.truncate(os.path.join(self.directory, "arrays", arrays, "test", "image.npy"), 5000)
        with self.assertRaisesRegex(UserError, "/test: a file cannot be read .*delete the directory"):
            self.open()

    def test_a_place_that_cannot_be_written(self):
        _, expected = self.open()
        with open(os.path.join(self.directory, "file"), "w", encoding="utf-8"):
            data = self.config(data_dir=os.path.join(self.directory, "file"))
        self.assert_same(memory.open_source(data).take("test", range(16)), expected)

    def test_not_enough_space(self):
        with unittest.mock.patch("shutil.disk_usage", return_value=unittest.mock.Mock(free=10_000)), \
                self.assertRaisesRegex(UserError, "16 decoded examples need 0.0 GB, 0.0 GB are free; free space"):
            self.open()

    def test_two_workers_draw_what_one_draws(self):
        expected = memory.open_source(self.config()).take("train", range(64))
        with tempfile.TemporaryDirectory() as other, unittest.mock.patch("tfobj.data.array_sets.FEW", 10), \
                unittest.mock.patch("tfobj.data.machine.cores", return_value=2), \
                contextlib.redirect_stdout(io.StringIO()) as output:
            actual = memory.open_source(self.config(data_dir=other)).take("train", range(64))
        self.assert_same(actual, expected)
        self.assertEqual(output.getvalue(), "drawing colored_shapes/tiny on 2 cores, split train\ntrain: 64 examples\n")


class ProgressTest(unittest.TestCase):
    def test_a_log_gets_a_line_now_and_then(self):
        with unittest.mock.patch("tfobj.data.build_progress._LINE_SECONDS", 0.0), \
                contextlib.redirect_stdout(io.StringIO()) as output, BuildProgress() as report:
            for done in (32, 2000):
                report("train", done, 2000)
        self.assertRegex(output.getvalue(), r"^train: 32 of 2,000 examples, [\d,]+ a second, ETA 0:\d\d:\d\d\n"
                                            r"train: 2,000 examples\n$")


if __name__ == "__main__":
    unittest.main()
