"""Whatever happens to the process that measures is one line in this one."""

import contextlib
import importlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

from tests import helpers
from tfobj.benchmarks import isolation
from tfobj.errors import UserError

# A module apart, because importing this one would import TensorFlow into every process.
CASES = '''
import os
import signal
import time

from tfobj.errors import UserError


def add(first, second, say):
    say("adding")
    return {"sum": first + second}

def refuse(say):
    raise UserError("too many slots")

def want_memory(say):
    raise MemoryError()

def want_device_memory(say):
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate\\nand so on")

def vanish(say):
    os.kill(os.getpid(), signal.SIGKILL)

def leave(say):
    os._exit(7)

def wait(say):
    say("waiting")
    time.sleep(60)
'''
PARENT = '''
from tfobj.benchmarks import isolation
import isolation_cases

if __name__ == "__main__":
    isolation.call(isolation_cases.wait, (), lambda text: print(text, flush=True))
'''


class IsolationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        (cls.directory / "isolation_cases.py").write_text(CASES)
        (cls.directory / "parent.py").write_text(textwrap.dedent(PARENT))
        sys.path.insert(0, temporary.name)
        cls.addClassCleanup(sys.path.remove, temporary.name)
        cls.cases = importlib.import_module("isolation_cases")
        cls.addClassCleanup(sys.modules.pop, "isolation_cases")

    def test_a_result_and_what_is_said_on_the_way(self):
        said = []
        self.assertEqual(isolation.call(self.cases.add, (2, 3), said.append), {"sum": 5})
        self.assertEqual(said, ["adding"])

    def test_failures_are_one_line(self):
        for case, message in (("refuse", "too many slots"), ("want_memory", "out of memory"),
                              ("want_device_memory", "out of memory"),
                              ("vanish", "the process was killed, most likely because the memory of the machine was "
                                         "used up"),
                              ("leave", "the process ended with status 7")):
            with self.subTest(case=case), self.assertRaises(UserError) as caught:
                isolation.call(getattr(self.cases, case), (), print)
            self.assertEqual(str(caught.exception), message)

    def test_only_the_first_line_of_an_error_is_kept(self):
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            self.assertEqual(isolation._described(RuntimeError("first\nsecond")), "RuntimeError: first")
            self.assertEqual(len(isolation._described(RuntimeError("x" * 1000))), 200)
        self.assertIn("second", shown.getvalue())

    def test_the_process_ends_when_the_one_that_started_it_is_killed(self):
        path = os.pathsep.join([str(helpers.ROOT), str(self.directory)])
        parent = subprocess.Popen([sys.executable, str(self.directory / "parent.py")], stdout=subprocess.PIPE,
                                  text=True, env={**os.environ, "PYTHONPATH": path})
        self.assertEqual(parent.stdout.readline(), "waiting\n")
        parent.kill()
        self.assertEqual(parent.communicate(timeout=20)[0], "")  # ends when nobody holds its output any more
