"""What the data doctor finds."""


class HealthReport:
    """Facts and problems of one file or prepared set, in the order in which they were found."""

    def __init__(self, subject):
        """Starts an empty report.

        Args:
            subject: str. What is examined.

        Attributes:
            partial: str. What of a release was found, where that is not all of it; the verdict says so, too.
        """
        self.subject, self.partial = subject, ""
        self.facts = []
        self.problems = []

    @property
    def healthy(self):
        """bool, whether there is no problem."""
        return not self.problems

    def fact(self, name, text):
        """Notes something worth knowing, `name` and `text` str."""
        self.facts.append((name, str(text)))

    def problem(self, what, mend):
        """Notes something wrong: `what` was found and expected, and what to do to `mend` it."""
        self.problems.append(f"{what}; {mend}")

    def lines(self):
        """The report as a list of lines: the facts, then one line per problem, then the verdict."""
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [self.subject] + [f"  {name:<{width}}  {text}" for name, text in self.facts]
        lines += [f"  PROBLEM  {problem}" for problem in self.problems]
        number = len(self.problems)
        healthy = f"healthy, but only {self.partial}" if self.partial else "healthy"
        return lines + [healthy if self.healthy else f"{number} problem{'s' if number > 1 else ''} found"]
