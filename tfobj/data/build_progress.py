"""The progress bar of a data set's construction."""

import sys

import rich.console
from rich import progress


class BuildProgress:
    """One bar per split with the rate and the time left; use as a context manager and call it per example.

    Where the output is no terminal, one line per finished split is printed instead.
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

    def __enter__(self):
        """Shows the bars."""
        self._bars.start()
        return self

    def __exit__(self, *error):
        """Leaves the bars as they are."""
        self._bars.stop()

    def __call__(self, split, done, total):
        """Records that `done` (int) of the `total` (int) examples of `split` (str) are drawn."""
        if done % 100 and done != total:  # redrawing costs more than an example
            return
        if split not in self._tasks:
            self._tasks[split] = self._bars.add_task(split, total=total, rate="")
        task = self._bars.tasks[self._tasks[split]]
        self._bars.update(self._tasks[split], completed=done, rate=f"{done / max(task.elapsed or 0, 1e-3):,.0f}")
        if done == total and not self._console.is_terminal:
            self._console.print(f"{split}: {total:,} examples")
