"""A benchmark against an earlier one."""

import json
import pathlib

from tfobj.benchmarks import report as reports
from tfobj.errors import UserError

# Column -> how to take its value from a row.
_VALUES = {
    "step": lambda row: row["step_seconds"]["median"],
    "images/s": lambda row: row["images_per_second"],
    "CPU/step": lambda row: row["cpu_seconds"]["median"],
    "compile": lambda row: row["compile_seconds"],
    "input": lambda row: row["input_seconds"],
    "memory": lambda row: row["peak_memory"],
    "FLOP/step": lambda row: row["flops"]["training_step"],
}


def read(path):
    """Reads a file that `tfobj.benchmark` has written.

    Args:
        path: str.

    Returns:
        Dict as of `report.assemble`.

    Raises:
        UserError: there is no such file, or it is something else.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--compare={path} cannot be read ({error.strerror}); give a file that tfobj.benchmark has "
                        "written with --out") from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("format") != reports.FORMAT:
        raise UserError(f"--compare={path} is no benchmark of this version of tfobj.benchmark; measure the base again")
    return content


def table(report, base):
    """Ratios of every row to the row of the same name in the base, as text; below 1 is less than there."""
    earlier = {row["label"]: row for row in base["rows"] if row["error"] is None}
    rows = [(row, earlier[row["label"]]) for row in report["rows"] if row["error"] is None and row["label"] in earlier]
    lines = [f"ratios to the base ({_described(base)}), this / base:", *_differences(report, base)]
    if not rows:
        return "\n".join([*lines, "no row was measured in both"])
    cells = [["", *_VALUES], *([row["label"], *(_ratio(value(row), value(old)) for value in _VALUES.values())]
                               for row, old in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join(lines + ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
                              for line in cells])


def _ratio(new, old):
    return f"{new / old:.3g}" if new is not None and old else "-"


def _described(base):
    return f"{base['backend']} {base['versions'][base['backend']]} on {base['machine']['device']}"


def _differences(report, base):
    """One line for whatever else than the program's speed may have changed the numbers."""
    changed = [f"{name} {base[name]} there, {report[name]} here" for name in ("model", "data", "backend")
               if base[name] != report[name]]
    changed += [f"{name} {base['machine'][name]} there, {report['machine'][name]} here" for name in ("device", "cores")
                if base["machine"][name] != report["machine"][name]]
    old, new = base["flags"], report["flags"]
    changed += [f"--{name}={_text(old.get(name))} there, {_text(new.get(name))} here"
                for name in sorted({*old, *new}) if _text(old.get(name)) != _text(new.get(name))]
    return [f"not the same: {'; '.join(changed)}"] if changed else []


def _text(value):
    """A flag's value; JSON has made lists of tuples."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
