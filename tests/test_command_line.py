"""What every command shares: help, one-line errors, exit status 2, a quiet start."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

import keras
import numpy as np

from tests.helpers import ROOT
from tfobj import command_line
from tfobj import file_writing
from tfobj import registry
from tfobj.config import SlotAttentionConfig
from tfobj.errors import UserError

COMMAND = '''
"""Says hello.

    python hello.py --name=you
"""
import errno
from absl import flags
from tfobj import command_line
from tfobj.errors import UserError

_NAME = flags.DEFINE_string("name", None, "Whom to greet. (default: nobody)")


def main():
    command_line.require(name=_NAME.value)
    if _NAME.value == "nobody":
        raise UserError("--name=nobody cannot be\\n  greeted; give a name")
    if _NAME.value == "quickly":
        return 7
    if _NAME.value == "never":
        raise KeyboardInterrupt
    if _NAME.value == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "runs/a/x.npz")
    if _NAME.value == "talkative":
        for line in range(100_000):
            print(line)
    if _NAME.value == "odd":
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")
    print("hello", _NAME.value)


if __name__ == "__main__":
    command_line.run(main)
'''


def run_python(*arguments, **environment):
    """Runs Python from the repository root; returns (exit status, standard output, standard error)."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                          timeout=120, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


class ListOfCommandsTest(unittest.TestCase):
    def test_every_command_is_named_with_its_purpose(self):
        status, output, _ = run_python("-m", "tfobj")
        self.assertEqual(status, 0)
        named = [line.split()[2].removeprefix("tfobj.") for line in output.splitlines() if "python -m tfobj." in line]
        commands = [path.stem for path in (pathlib.Path(ROOT) / "tfobj").glob("*.py")
                    if "command_line.run(main)" in path.read_text()]
        self.assertEqual(sorted(named), sorted(commands))
        self.assertIn("tfobj.train       Trains a model.", output)

    def test_sizes_read_well(self):
        sizes = [768, 50_176, 999_960, 1_048_576, 2_621_440_000]
        self.assertEqual([file_writing.readable_size(size) for size in sizes],
                         ["768 B", "50.2 kB", "1,000.0 kB", "1.0 MB", "2.6 GB"])


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.path = pathlib.Path(cls.directory.name) / "hello.py"
        cls.path.write_text(COMMAND)

    def run_command(self, *arguments):
        return run_python(str(self.path), *arguments, PYTHONPATH=str(ROOT))

    def check_error(self, expected, *arguments):
        status, output, error = self.run_command(*arguments)
        self.assertEqual((status, output), (2, ""), error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertTrue(error.startswith("error: "), error)
        self.assertIn(expected, error)

    def test_success_and_exit_status(self):
        self.assertEqual(self.run_command("--name=you"), (0, "hello you\n", ""))
        self.assertEqual(self.run_command("--name=quickly"), (7, "", ""))

    def test_errors_are_one_line(self):
        self.check_error("--name=nobody cannot be greeted; give a name", "--name=nobody")
        self.check_error("--name is required; see --help")
        self.check_error("Unknown command line flag 'nme'", "--nme=you")
        self.check_error("unexpected argument 'you': every option is a flag", "--name=x", "you")
        self.check_error("a flagfile cannot be read", "--flagfile=no/such.flags")

    def test_what_the_disk_refuses_is_one_line_and_names_the_file(self):
        self.check_error("error: runs/a/x.npz: No space left on device; free space, or choose a", "--name=full")

    def test_an_interruption_is_one_line_and_has_its_own_status(self):
        self.assertEqual(self.run_command("--name=never"),
                         (130, "", "error: interrupted; the same command starts again\n"))

    def test_a_reader_that_leaves_early_is_no_mistake(self):
        for word in ("--name=talkative", "--help"):
            with subprocess.Popen([sys.executable, str(self.path), word], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.returncode, 141)

    def test_a_mistake_of_the_program_keeps_its_traceback(self):
        status, _, error = self.run_command("--name=odd")
        self.assertEqual(status, 1)
        self.assertIn("Traceback", error)

    def test_help_shows_the_docstring_and_the_flags(self):
        for word in ("--help", "-help", "--helpfull", "--helpshort"):
            status, output, error = self.run_command(word)
            self.assertEqual((status, error), (0, ""))
            self.assertTrue(output.startswith("Says hello."), output)
            self.assertIn("This command\n  --name=STRING\n      Whom to greet. (default: nobody)\n", output)
            self.assertIn("--flagfile=PATH", output)


class FailTest(unittest.TestCase):
    def test_what_keras_adds_is_left_out(self):
        class Failing(keras.layers.Layer):
            def call(self, inputs):
                raise UserError("--wobble=3 is too much; use 2")

        stream = io.StringIO()
        with contextlib.redirect_stderr(stream):
            try:
                Failing()(np.zeros((1, 2)))
            except UserError as error:
                self.assertIn("Exception encountered", str(error))
                self.assertEqual(command_line.fail(error), 2)
        self.assertEqual(stream.getvalue(), "error: --wobble=3 is too much; use 2\n")


class TrainCommandTest(unittest.TestCase):
    def test_help_prints_sections(self):
        status, output, error = run_python("-m", "tfobj.train", "--help")
        self.assertEqual((status, error), (0, ""))
        headings = [line for line in output.splitlines() if line and not line.startswith(" ")]
        for heading in ("Trains a model.", "The model", "What the images are and how they reach the model",
                        "Optimisation, devices, bookkeeping",
                        SlotAttentionConfig.__doc__.splitlines()[0].rstrip("."), "From a file"):
            self.assertIn(heading, headings)
        for line in ("  --model=STRING", "  --num_slots=INT", "  --[no]use_mlp", "  --learning_rate=FLOAT",
                     "  --aggregation=mean|sum|sum_layernorm", "  --run_dir=STRING"):
            self.assertIn(line, output.splitlines())
        shown = output[output.index("\nIODINE"):].split("\n\n")[0]
        self.assertIn("Refinements T in training. (default: 5)", shown)
        self.assertIn("(default: 64,64,64,64)", shown)
        _, output_of_one, _ = run_python("-m", "tfobj.train", "--model=iodine", "--help")
        self.assertEqual(output_of_one.count("  --num_slots="), 1)
        self.assertIn(shown, output_of_one)
        have_slots = [entry for entry in registry.MODELS.values() if hasattr(entry.config_class, "num_slots")]
        self.assertEqual(output.count("  --num_slots="), len(have_slots))  # once in the section of each model
        self.assertLessEqual(max(map(len, output.splitlines())), 120)

    def test_wrong_flags_are_one_line_without_a_traceback(self):
        for arguments, expected in (
                ((), "no model was chosen"),
                (("--num_slotz=3",), "Unknown command line flag 'num_slotz'. Did you mean"),
                (("--flagfile=experiments/quickstart.flags", "--num_slots=0"), "below the smallest possible value 1"),
                (("--num_steps=abc",), "error: --num_steps=abc is no whole number; see --help"),
                (("--learning_rate=fast",), "error: --learning_rate=fast is no number; see --help"),
                (("--flagfile=experiments/nothing.flags",), "a flagfile cannot be read")):
            status, output, error = run_python("-m", "tfobj.train", *arguments)
            self.assertEqual((status, output, error.count("\n")), (2, "", 1), error)
            self.assertIn(expected, error)
            self.assertNotIn("Traceback", error)


class WithoutTensorflowTest(unittest.TestCase):
    """Commands where TensorFlow is not installed."""

    def run_without(self, backend, command, *arguments):
        source = ("import runpy, sys\nsys.modules['tensorflow'] = None  # every import of it fails\n"
                  "sys.argv[:] = sys.argv[1:]\nrunpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)")
        return run_python("-c", source, f"tfobj.{command}", *arguments, KERAS_BACKEND=backend)

    def test_commands_that_need_it_say_so_in_one_line(self):
        for backend, *words in (("jax", "prepare", "--list"), ("jax", "quickstart"),
                                ("jax", "predict", "--run_dir=none", "--images=none", "--out=none"),
                                ("tensorflow", "train", "--flagfile=experiments/quickstart.flags")):
            with self.subTest(command=words[0]):
                status, output, error = self.run_without(backend, *words)
                self.assertEqual((status, output, error.count("\n")), (2, "", 1), error)
                self.assertRegex(error, r"^error: TensorFlow is not installed; install it with `pip install \.` .*; "
                                 "train, evaluate and benchmark also run with JAX alone: KERAS_BACKEND=jax, see docs/")


class FunctionsTest(unittest.TestCase):
    def test_failure_is_folded_to_one_line(self):
        with contextlib.redirect_stderr(io.StringIO()) as error:
            self.assertEqual(command_line.fail("first\n   second"), 2)
        self.assertEqual(error.getvalue(), "error: first second\n")

    def test_required_values(self):
        command_line.require(run_dir="runs/a", zero=0)
        for value in (None, ""):
            with self.assertRaisesRegex(UserError, "--run_dir is required; see --help"):
                command_line.require(other="x", run_dir=value)


class ImportTensorflowTest(unittest.TestCase):
    """Against a package of that name that writes to file descriptor 2, as the real one's libraries do."""

    def run_import(self, ending, call="import_tensorflow()", **environment):
        source = textwrap.dedent('''
            import os
            os.write(2, b"WARNING: All log messages before absl::InitializeLog()\\nI0000 00:00 port.cc] oneDNN\\n")
            os.write(2, b"W0000 00:00 cuda] nothing\\n\\nsomething went wrong\\n")
            class config:
                list_physical_devices = staticmethod(lambda: [])
            ''') + ending
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, "tensorflow.py").write_text(source)
            return run_python("-c", f"from tfobj import command_line; command_line.{call}; print('done')",
                              PYTHONPATH=directory + os.pathsep + str(ROOT), **environment)

    def test_notices_are_dropped_and_the_rest_is_shown(self):
        status, output, error = self.run_import("")
        self.assertEqual((status, output), (0, "done\n"))
        self.assertEqual([line for line in error.splitlines() if "cuda" not in line], ["something went wrong"])

    def test_with_jax_tensorflow_is_quiet_too_and_leaves_the_devices_alone(self):
        status, output, error = self.run_import("config = None\n", "import_backend()", KERAS_BACKEND="jax")
        self.assertEqual((status, output), (0, "done\n"), error)
        self.assertEqual([line for line in error.splitlines() if "cuda" not in line], ["something went wrong"])

    def test_warnings_are_kept_where_there_is_a_gpu(self):
        for line, without, with_gpu in (("I0000 00:00 port.cc] oneDNN", True, True), ("  ", True, True),
                                        ("W0000 00:00 cuda] Cannot dlopen some GPU libraries", True, False),
                                        ("E0000 00:00 cuda] failed call to cuInit", True, False),
                                        ("E0000 00:00 something", False, False)):
            for exists, expected in ((False, without), (True, with_gpu)):
                with mock.patch("os.path.exists", return_value=exists):
                    self.assertEqual(command_line._is_notice(line), expected, line)

    def test_everything_is_shown_when_the_import_fails(self):
        status, output, error = self.run_import("raise ImportError('libcuda')\n")
        self.assertEqual((status, output), (1, ""))
        for text in ("oneDNN", "something went wrong", "ImportError: libcuda"):
            self.assertIn(text, error)
