"""Collects the same finding over many examples."""


class Findings:
    """Counts findings by kind and remembers where each was seen first, so that a report has one line per kind."""

    def __init__(self):
        """Starts without findings."""
        self._found = {}

    def add(self, where, what, mend):
        """Counts one finding.

        Args:
            where: str. The example.
            what: str. What was found and expected; examples with equal text are counted together.
            mend: str. What to do.
        """
        count, first, _ = self._found.get(what, (0, where, mend))
        self._found[what] = (count + 1, first, mend)

    def report_to(self, report, examined):
        """Adds one problem per kind to a `HealthReport`; `examined` is the number of examples that were looked at."""
        for what, (count, first, mend) in self._found.items():
            report.problem(f"{what} ({count:,} of {examined:,} examined, first {first})", mend)
