"""Checkpoints: recent ones, the best one, and exact restoration."""

import json
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from tfobj.errors import UserError
from tfobj.training.run_directory import write_json

# What TensorFlow's reader raises on files that are cut off or altered.
_DAMAGED = (tf.errors.OpError, IndexError, RuntimeError)


class Checkpoints:
    """Saves and restores model, optimizer and step of a run.

    Every worker calls `save`; only the chief's files are kept, the others write to a temporary directory, because
    saving is a collective operation. All restore from the run directory.

    Args:
        directory: `pathlib.Path` of the run.
        model: Built model.
        optimizer: Built optimizer.
        keep: int. Recent checkpoints to keep.
        chief: bool.
    """

    def __init__(self, directory, model, optimizer, keep, chief=True):
        self._run = pathlib.Path(directory)
        self._chief = chief
        self._scratch = None if chief else tempfile.mkdtemp(prefix="tfobj_worker_")
        self._target = tf.train.Checkpoint(model=_variables(model.weights), optimizer=_variables(optimizer.variables))
        root = self._run if chief else pathlib.Path(self._scratch)
        self._recent = tf.train.CheckpointManager(self._target, str(root / "checkpoints"), keep)
        self._best = tf.train.CheckpointManager(self._target, str(root / "best"), 1)
        self._model, self._optimizer = model, optimizer
        self.best_score = self._read_best_score()

    def restore(self):
        """Restores the latest checkpoint of the run directory; returns its step, 0 if there is none.

        Raises:
            UserError: the checkpoint is damaged or belongs to another model.
        """
        path = self.latest
        if path is None:
            return 0
        _check_weights(self._model, path)
        _restore(self._target, path)
        return int(self._optimizer.iterations.numpy())

    def save(self, step):
        """Saves a recent checkpoint; returns its path."""
        return self._recent.save(checkpoint_number=step)

    def save_best(self, step, score, name):
        """Saves the best checkpoint if `score` beats all before.

        Args:
            step: int.
            score: float. Larger is better.
            name: str. What the score is.

        Returns:
            bool, whether it was saved.
        """
        if not np.isfinite(score) or (self.best_score is not None and score <= self.best_score):
            return False
        self.best_score = float(score)
        self._best.save(checkpoint_number=step)
        if self._chief:
            write_json(self._run / "best" / "best.json", {"step": step, "score": self.best_score, "name": name})
        return True

    @property
    def latest(self):
        """Path of the last recent checkpoint, or None."""
        return newest(self._run / "checkpoints")

    def close(self):
        """Removes the temporary files of a later worker."""
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _read_best_score(self):
        path = self._run / "best" / "best.json"
        try:
            return json.loads(path.read_text())["score"] if path.exists() else None
        except (ValueError, KeyError):
            return None


def newest(folder):
    """Finds the last checkpoint whose files are there, whatever the directory's state file says.

    Args:
        folder: `pathlib.Path`.

    Returns:
        str, the checkpoint's prefix, or None.
    """
    steps = [int(path.stem.removeprefix("ckpt-")) for path in folder.glob("ckpt-*.index")
             if path.stem.removeprefix("ckpt-").isdecimal() and any(folder.glob(f"{path.stem}.data-*"))]
    return str(folder / f"ckpt-{max(steps)}") if steps else None


def find(run_dir, which):
    """Finds a checkpoint of a run.

    Args:
        run_dir: `pathlib.Path`.
        which: str, `best` or `latest`.

    Returns:
        str, the checkpoint's prefix.

    Raises:
        UserError: there is none.
    """
    for folder in {"best": ("best", "checkpoints"), "latest": ("checkpoints",)}[which]:
        path = newest(pathlib.Path(run_dir) / folder)
        if path is not None:
            return path
    raise UserError(f"--run_dir={run_dir} holds no checkpoint yet; train longer than --checkpoint_every steps first")


def restore_model(model, path):
    """Restores a model's weights alone.

    Args:
        model: Built model.
        path: str. Prefix of a checkpoint that `Checkpoints` wrote.

    Returns:
        int, the step at which it was written.

    Raises:
        UserError: the checkpoint is damaged or belongs to another model.
    """
    _check_weights(model, path)
    iterations = tf.Variable(0, dtype=tf.int64)
    target = tf.train.Checkpoint(model=_variables(model.weights), optimizer={"iteration": iterations})
    _restore(target, path, complete=False)
    return int(iterations.numpy())


def _variables(variables):
    """Names every variable by its path below the model or the optimizer.

    TensorFlow's own tracking of attributes misses layers that are kept in a Python list.
    """
    named = {variable.path.split("/", 1)[-1]: variable.value for variable in variables}
    if len(named) != len(variables):
        raise ValueError("two variables share a path; give their layers different names")
    return named


def _check_weights(model, path):
    """Refuses a checkpoint whose weights are not exactly the model's, and names the first difference."""
    try:
        stored = tf.train.list_variables(path)
    except (*_DAMAGED, ValueError) as error:
        raise _unreadable(path, error) from None
    start, end = "model/", "/.ATTRIBUTES/VARIABLE_VALUE"
    found = {name[len(start):-len(end)].replace(".S", "/").replace("..", "."): tuple(shape)
             for name, shape in stored if name.startswith(start) and name.endswith(end)}
    wanted = {name: tuple(value.shape) for name, value in _variables(model.weights).items()}
    for name in sorted(set(found) | set(wanted)):
        if found.get(name) != wanted.get(name):
            stored_shape, shape = found.get(name, "none"), wanted.get(name, "none")
            raise UserError(f"{path} belongs to another model: weight {name} has shape {stored_shape} in the "
                            f"checkpoint and {shape} in the model; use the run directory and the flags with which it "
                            "was trained")


def _restore(target, path, complete=True):
    status = None
    try:
        status = target.restore(path)
        if complete:
            status.assert_consumed()
        else:
            status.assert_existing_objects_matched().expect_partial()
    except (ValueError, AssertionError) as error:
        if status is not None:
            status.expect_partial()  # or it would print a line per variable when it is forgotten
        raise UserError(f"{path} was written with another optimizer or version ({_first_line(error)}); use the flags "
                        "with which the run was started, or another --run_dir") from None
    except _DAMAGED as error:
        raise _unreadable(path, error) from None


def _unreadable(path, error):
    return UserError(f"{path} cannot be read ({_first_line(error)}); remove its files to fall back to the checkpoint "
                     "before it, or start again in another --run_dir")


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
