"""What a run records: a line of JSON per event, pictures, and where TensorBoard is installed, its event files."""

import importlib.util
import json
import pathlib

from tfobj import visualisation



class Summaries:
    """Writes the records of one run. The step is the optimizer's, so that curves continue after a resume.

    Args:
        directory: `pathlib.Path` of the run.
        enabled: bool. False on later workers, where every method does nothing.
    """

    def __init__(self, directory, enabled=True):
        self._enabled = enabled
        self._lines = pathlib.Path(directory) / "metrics.jsonl"
        self._writers = {}
        self._board = pathlib.Path(directory) / "tensorboard"
        self._pictures = pathlib.Path(directory) / "pictures"
        self._has_board = importlib.util.find_spec("tensorboard") is not None
        self._start = 0

    def start(self, step, configuration):
        """Forgets what was logged after `step` and writes the configuration as text and as hyper-parameters.

        Args:
            step: int. The step at which the run (re)starts.
            configuration: Dict group -> dict of values.
        """
        if not self._enabled:
            return
        self._forget_after(step)
        self._start = step
        if step > 0:
            return
        text = "\n".join(f"    {line}" for line in json.dumps(configuration, indent=2).splitlines())
        if self._has_board:
            self._writer("train").text("configuration", text, 0)
            self._writer("validation").hyper_parameters(_flat(configuration))

    def scalars(self, group, step, values):
        """Writes scalars under `train/` or `validation/`; lists become one scalar per entry.

        Args:
            group: str, `train` or `validation`.
            step: int.
            values: Dict name -> number or list of numbers.
        """
        if not self._enabled:
            return
        with self._lines.open("a") as file:
            file.write(json.dumps({"step": step, "group": group, **values}) + "\n")
        if not self._has_board:
            return
        writer = self._writer(group)
        for name, value in values.items():
            if isinstance(value, (list, tuple)):
                for index, entry in enumerate(value):
                    writer.scalar(f"{name}/{index}", entry, step)
            else:
                writer.scalar(name, value, step)
        writer.flush()

    def pictures(self, step, grids):
        """Writes pictures, also as PNG files.

        Args:
            step: int.
            grids: Dict from name to uint8 [height, width, 3].
        """
        if not self._enabled:
            return
        self._pictures.mkdir(exist_ok=True)
        for name, grid in grids.items():
            visualisation.save_png(str(self._pictures / f"{name}-{step}.png"), grid)
        if self._has_board:
            for name, grid in grids.items():
                self._writer("validation").image(name, grid, step)
            self._writer("validation").flush()

    def close(self):
        """Flushes and closes the event files."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, group):
        from tfobj.training.event_file import EventFile

        if group not in self._writers:
            self._writers[group] = EventFile(self._board / group, self._start)
        return self._writers[group]

    def _forget_after(self, step):
        if not self._lines.exists():
            return
        lines = self._lines.read_text().splitlines()
        kept = [line for line in lines if _step_of(line) is not None and _step_of(line) <= step]
        temporary = self._lines.with_name("metrics.jsonl.tmp")
        temporary.write_text("".join(line + "\n" for line in kept))
        temporary.replace(self._lines)


def _step_of(line):
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return None  # the torn last line of a killed run


def _flat(configuration):
    """Hyper-parameters as TensorBoard takes them: one level, numbers, booleans and strings."""
    flat = {}
    for group, values in configuration.items():
        for name, value in (values.items() if isinstance(values, dict) else [(None, values)]):
            key = group if name is None else f"{group}/{name}"
            flat[key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return flat
