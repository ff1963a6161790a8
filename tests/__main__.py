"""Runs all tests in two processes at once, which two cores do in little more than half the time.

    python -m tests

What each prints is shown when it ends. Exit status 0: all passed. `python -m unittest` runs the same tests in one.
"""

import pathlib
import subprocess
import sys
import tempfile

_ROOT = pathlib.Path(__file__).resolve().parents[1]
# These take about as long as all others together.
_FIRST = ("conformance", "golden", "models", "training")


def _halves():
    """Names of all test modules, in two lists."""
    halves = [], []
    for path in sorted((_ROOT / "tests").rglob("test_*.py")):
        words = path.relative_to(_ROOT).with_suffix("").parts
        halves[words[1] not in _FIRST].append(".".join(words))
    return halves


def main():
    """Returns the exit status."""
    running = []
    for modules in _halves():
        output = tempfile.TemporaryFile()
        running.append((subprocess.Popen([sys.executable, "-m", "unittest", *modules], cwd=_ROOT, stdout=output,
                                         stderr=subprocess.STDOUT), output))
    status = 0
    for process, output in running:
        status = process.wait() or status
        output.seek(0)
        print(output.read().decode(errors="replace"), flush=True)
    return 1 if status else 0


if __name__ == "__main__":
    sys.exit(main())
