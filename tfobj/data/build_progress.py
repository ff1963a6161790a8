"""The progress bar of a data set's construction."""

import datetime
import sys
import time

import rich.console
from rich import progress

_REDRAW_SECONDS, _LINE_SECONDS = 0.1, 30.0  # between two updates of a terminal, and of a log


class BuildProgress:
    """One bar per split with the rate and the time left; use as a context manager and call it per example or more.

    Where the output is no terminal, a line is printed twice a minute and for every finished split instead.
    """

    def __init__(self):
        """Creates the bars on standard output as it is now."""
        self._console = rich.console.Console(file=sys.stdout, highlight=False)  # sys.stdout may be redirected later
        columns = (progress.TextColumn("{task.description:>10}"), progress.BarColumn(), progress.MofNCompleteColumn(),
                   progress.TextColumn("{task.fields[rate]:>9} examples/s"), progress.TextColumn("ETA"),
                   progress.TimeRemainingColumn())
        self._bars = progress.Progress(*columns, console=self._console, redirect_stdout=False,
                                       redirect_stderr=False, disable=not self._console.is_terminal)
        self._tasks = {}
        self._pause = _REDRAW_SECONDS if self._console.is_terminal else _LINE_SECONDS
        self._next = time.monotonic() + self._pause

    def __enter__(self):
        """Shows the bars."""
        self._bars.start()
        return self

    def __exit__(self, *error):
        """Leaves the bars as they are."""
        self._bars.stop()

    def __call__(self, split, done, total):
        """Records that `done` (int) of the `total` (int) examples of `split` (str) are drawn."""
        if split not in self._tasks:
            self._tasks[split] = self._bars.add_task(split, total=total, rate="")
        if done != total and time.monotonic() < self._next:  # redrawing costs more than an example
            return
        self._next = time.monotonic() + self._pause
        task = self._bars.tasks[self._tasks[split]]
        rate = done / max(task.elapsed or 0, 1e-3)
        self._bars.update(self._tasks[split], completed=done, rate=f"{rate:,.0f}")
        if not self._console.is_terminal:
            left = datetime.timedelta(seconds=round((total - done) / rate))
            self._console.print(f"{split}: {total:,} examples" if done == total else
                                f"{split}: {done:,} of {total:,} examples, {rate:,.0f} a second, ETA {left}")
