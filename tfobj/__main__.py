"""Lists the commands of tfobj: python -m tfobj."""

import ast
import importlib.util
import pathlib

_COMMANDS = ("quickstart", "prepare", "train", "evaluate", "predict", "sample", "export", "benchmark")


def main():
    """Prints what each command does, the first line of its documentation."""
    print("The commands of tfobj; each says more with --help.\n")
    for name in _COMMANDS:
        source = pathlib.Path(importlib.util.find_spec(f"tfobj.{name}").origin).read_text()
        print(f"  python -m tfobj.{name:<12}{ast.get_docstring(ast.parse(source)).splitlines()[0]}")


if __name__ == "__main__":
    main()
