"""How long a run has trained, over all processes that have worked on it."""

import json
import time

from tfobj.training import run_directory

_FILE = "training_time.json"


class TrainingTime:
    """A clock that goes on where the process before has stopped.

    Args:
        directory: `pathlib.Path` of the run.
    """

    def __init__(self, directory):
        self._path, self._started = directory / _FILE, None
        try:
            self._earlier = float(json.loads(self._path.read_text())["seconds"]) if self._path.exists() else 0.0
        except (ValueError, KeyError, TypeError):
            self._earlier = 0.0

    def start(self):
        """Starts the clock."""
        self._started = time.monotonic()

    @property
    def seconds(self):
        """Seconds that this and earlier processes have trained, float."""
        return self._earlier + (time.monotonic() - self._started if self._started else 0.0)

    def save(self):
        """Writes them down for the next process."""
        run_directory.write_json(self._path, {"seconds": self.seconds})
