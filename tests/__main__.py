"""Runs all tests in two processes at a time, which two cores do in little more than half the time.

    python -m tests

The tests of a directory share a process; what it prints is shown when it ends. Exit status 0: all passed.
`python -m unittest` runs the same tests in one process.
"""

import concurrent.futures
import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_AT_ONCE = 2
# The longest start first, so that both processes end at about the same time.
_LONGEST = ("conformance", "training", "golden", "models", "serving", "data")


def _shares():
    """Lists of the names of test modules, one list a process."""
    shares = {}
    for path in sorted((_ROOT / "tests").rglob("test_*.py")):
        words = path.relative_to(_ROOT).with_suffix("").parts
        shares.setdefault(words[1] if words[1] in _LONGEST else "others", []).append(".".join(words))
    return [shares[name] for name in (*_LONGEST, "others")]


def _run(modules):
    process = subprocess.run([sys.executable, "-m", "unittest", *modules], cwd=_ROOT, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    print(process.stdout.decode(errors="replace"), flush=True)
    return process.returncode


def main():
    """Returns the exit status."""
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        return int(any(list(pool.map(_run, _shares()))))


if __name__ == "__main__":
    sys.exit(main())
