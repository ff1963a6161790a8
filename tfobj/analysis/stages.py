"""One count for a work of several equal stages."""


class Stages:
    """Adds up the progress of stages that each report (done, in all).

    Args:
        report: Callable (done, in all) for the whole.
        number: int. Stages.
    """

    def __init__(self, report, number):
        self._report, self._number, self._current = report, number, -1

    def next(self):
        """Starts the next stage; returns its callable (done, in all)."""
        self._current += 1
        current = self._current
        return lambda done, total: self._report(current * total + done, self._number * total)
