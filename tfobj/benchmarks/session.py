"""A whole benchmark: row after row, then the file and the tables."""

import dataclasses
import sys
import time

from tfobj.benchmarks import comparison
from tfobj.benchmarks import isolation
from tfobj.benchmarks import report as reports
from tfobj.errors import UserError
from tfobj.training.run_directory import write_json

_SILENCE = 10.0  # seconds between messages where the output is no terminal


def run(points, options, backend, out, base=None, measure=isolation.measure):
    """Measures every row, writes the JSON file and prints the tables.

    Args:
        points: List of `tfobj.benchmarks.sweeps.Point`.
        options: `tfobj.benchmarks.options.Options`; the device is measured by the first row that succeeds.
        backend: str, "tensorflow" or "jax".
        out: `pathlib.Path` of the JSON file.
        base: Dict as of `comparison.read`, to which ratios are printed, or None.
        measure: Function that measures a row, see `isolation.measure`.

    Returns:
        Dict as of `report.assemble`.

    Raises:
        UserError: no row could be measured.
    """
    if points[0].experiment.train.strategy == "multi_worker":
        raise UserError("--strategy=multi_worker cannot be measured: rows are processes of one machine; use --strategy="
                        "mirrored on each of them")
    rows, need_peak = [], options.peak
    for position, point in enumerate(points):
        progress = _Progress(f"[{position + 1}/{len(points)}] {point.label}: ")
        result, error = _measured(measure, point, dataclasses.replace(options, peak=need_peak), progress.say)
        need_peak = need_peak and not (result and result["peak"])
        progress.end(f"failed: {error}" if error else _summary(result))
        rows.append((point, result, error))
    if all(error for _, _, error in rows):
        raise UserError(f"nothing could be measured: {rows[0][2]}")
    report = reports.assemble(points[0].experiment, backend, options, rows)
    write_json(out, report)
    print("\n" + reports.table(report))
    if base:
        print("\n" + comparison.table(report, base))
    print(f"written: {out}", flush=True)
    return report


def _measured(measure, point, options, say):
    """(result, None) or (None, message)."""
    try:
        return measure(point.experiment, options, say), None
    except UserError as error:
        return None, " ".join(str(error).split())


def _summary(result):
    return (f"{reports.seconds(result['step_seconds']['median'])} per step, "
            f"{reports.number(result['images_per_second'])} images/s")


class _Progress:
    """What a row is doing: in place on a terminal, else a line every ten seconds."""

    def __init__(self, prefix):
        self._prefix, self._printed, self._terminal = prefix, -_SILENCE, sys.stdout.isatty()

    def say(self, text):
        """Shows what happens now."""
        if self._terminal:
            print("\r" + (self._prefix + text).ljust(78), end="", flush=True)
        elif time.monotonic() - self._printed >= _SILENCE:
            print(self._prefix + text, flush=True)
            self._printed = time.monotonic()

    def end(self, text):
        """Shows what came out."""
        print(("\r" if self._terminal else "") + (self._prefix + text).ljust(78 if self._terminal else 0), flush=True)
