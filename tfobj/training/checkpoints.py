"""Checkpoints: recent ones, the best one, and exact restoration, the same files on every Keras backend.

A checkpoint is one file, `checkpoints/ckpt-<step>.npz` or `best/ckpt-<step>.npz` of a run directory, which
`numpy.load` opens: an uncompressed zip of arrays.

    format              int64, the version of this layout, 1
    step                int64, training steps made
    model/<path>        a weight; the path is that of the variable below the model, e.g. model/slot_attention/q/kernel
    optimizer/<path>    a variable of the optimizer, e.g. optimizer/iteration

An array has the dtype of its variable; bfloat16, which NumPy's files lack, is stored as float32.
"""

import contextlib
import io
import json
import os
import pathlib
import zipfile
import zlib

import keras
import numpy as np

from tfobj.errors import UserError
from tfobj.training.run_directory import write_json

_FORMAT = 1
_UNFINISHED = "unfinished.tmp"
# What Python's zip reader and NumPy raise on files that are cut off or altered.
_DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, OverflowError, MemoryError)


class Checkpoints:
    """Saves and restores model, optimizer and step of a run.

    Call it outside replica context. Under a `tf.distribute` strategy, its variables are read from and assigned to all
    devices of this process; with several machines, only the chief writes, and every worker restores the chief's files,
    which must lie on a file system that all see.

    Args:
        directory: `pathlib.Path` of the run.
        model: Built model.
        optimizer: Built optimizer.
        keep: int >= 1. Recent checkpoints to keep.
        chief: bool. Whether this process writes.

    Raises:
        ValueError: two variables share a path.
    """

    def __init__(self, directory, model, optimizer, keep, chief=True):
        self._run = pathlib.Path(directory)
        self._variables = {**named("model", model.weights), **named("optimizer", optimizer.variables)}
        self._keep, self._chief = keep, chief
        self.best_score = self._read_best_score()

    def restore(self):
        """Restores the latest checkpoint of the run directory; returns its step, 0 if there is none.

        Raises:
            UserError: the checkpoint is damaged or belongs to another model or optimizer; nothing was restored.
        """
        return 0 if self.latest is None else _restore(self.latest, self._variables)

    def save(self, step):
        """Saves a recent checkpoint, then removes those beyond `keep`.

        Returns:
            str, its path; a later worker of several gets it too but writes nothing.

        Raises:
            UserError: the file cannot be written.
        """
        return self._write("checkpoints", step, self._keep)

    def save_best(self, step, score, name):
        """Saves the best checkpoint if `score` beats all before.

        Args:
            step: int.
            score: float. Larger is better.
            name: str. What the score is.

        Returns:
            bool, whether it is the best. Raises as `save`.
        """
        if not np.isfinite(score) or (self.best_score is not None and score <= self.best_score):
            return False
        self.best_score = float(score)
        self._write("best", step, keep=1)
        if self._chief:
            write_json(self._run / "best" / "best.json", {"step": step, "score": self.best_score, "name": name})
        return True

    @property
    def latest(self):
        """Path of the last recent checkpoint, or None."""
        return newest(self._run / "checkpoints")

    def close(self):
        """Removes what a save that was interrupted has left."""
        if self._chief:
            for folder in ("checkpoints", "best"):
                (self._run / folder / _UNFINISHED).unlink(missing_ok=True)

    def _write(self, folder, step, keep):
        path = self._run / folder / f"ckpt-{step}.npz"
        if self._chief:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, step, self._variables)
                _remove_old(path, keep)
            except OSError as error:
                raise UserError(f"{path} cannot be written: {_reason(error)}; mend that and start the same command "
                                "again to resume from the checkpoint before it") from None
        return str(path)

    def _read_best_score(self):
        path = self._run / "best" / "best.json"
        try:
            return json.loads(path.read_text())["score"] if path.exists() else None
        except (ValueError, KeyError, TypeError):
            return None


def newest(folder):
    """Path of the checkpoint of the largest step in a folder, str or None; unfinished files do not count."""
    found = _by_step(folder)
    return str(found[max(found)]) if found else None


def newest_step(folder):
    """The largest step of a checkpoint in a folder, 0 if there is none."""
    return max(_by_step(folder), default=0)


def find(run_dir, which):
    """Finds a checkpoint of a run.

    Args:
        run_dir: `pathlib.Path`.
        which: str, `best` or `latest`.

    Returns:
        str, the path of its file.

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
        path: str. Path of a file that `Checkpoints` wrote.

    Returns:
        int, the step at which it was written.

    Raises:
        UserError: the checkpoint is damaged or belongs to another model; nothing was restored.
    """
    return _restore(path, named("model", model.weights))


def named(group, variables):
    """Names every variable by its path below the model or the optimizer: dict `group/path` -> variable."""
    names = {f"{group}/{variable.path.split('/', 1)[-1]}": variable for variable in variables}
    if len(names) != len(variables):
        raise ValueError("two variables share a path; give their layers different names")
    return names


def _by_step(folder):
    steps = ((path.stem.removeprefix("ckpt-"), path) for path in pathlib.Path(folder).glob("ckpt-*.npz"))
    return {int(step): path for step, path in steps if step.isdecimal()}


# === Writing ===

def _write(path, step, variables):
    """Writes under a temporary name and renames what is on disk, so that `path` is whole or not there."""
    temporary = path.with_name(_UNFINISHED)
    with temporary.open("wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            _write_array(archive, "format", np.int64(_FORMAT))
            _write_array(archive, "step", np.int64(step))
            for name, variable in variables.items():
                _write_array(archive, name, np.asarray(keras.ops.convert_to_tensor(variable.value)))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _write_array(archive, name, value):
    value = np.asarray(value)
    if value.dtype.isbuiltin != 1:  # bfloat16
        value = value.astype(np.float32)
    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
        np.lib.format.write_array(entry, value, allow_pickle=False)


def _sync_folder(folder):
    """Makes the renaming last through a power failure before older files go."""
    with contextlib.suppress(OSError):  # some network file systems do not know it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_old(path, keep):
    others = sorted((step, other) for step, other in _by_step(path.parent).items() if other != path)
    for _, other in others[:max(0, len(others) - keep + 1)]:
        other.unlink(missing_ok=True)


# === Reading ===

def _restore(path, variables):
    """Reads and checks everything before the first variable is assigned; returns the step."""
    arrays = _read(path, {name.split("/", 1)[0] for name in variables})
    step = arrays.pop("step")
    _check(path, arrays, variables)
    for name, variable in variables.items():
        variable.assign(arrays[name].astype(variable.dtype, copy=False))
    return int(step)


def _read(path, groups):
    """Reads `step` and the arrays of some groups: dict name -> array."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = int(_read_array(archive, "format"))
            if version == _FORMAT:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
                return {name: _read_array(archive, name) for name in ("step", *names)
                        if name == "step" or name.split("/", 1)[0] in groups}
    except KeyError:
        raise _unreadable(path, "it lacks the format or the step") from None
    except _DAMAGED as error:
        raise _unreadable(path, _reason(error)) from None
    raise UserError(f"{path} was written by another version of tfobj (format {version}, expected {_FORMAT}); use that "
                    "version, or another --run_dir")


def _read_array(archive, name):
    # An entry that is read to its end has its checksum compared; NumPy alone stops where the header says.
    return np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)


def _check(path, arrays, variables):
    """Refuses arrays that are not exactly the variables', and names the first difference; the model's come first."""
    for name in sorted(set(arrays) | set(variables)):
        found = arrays[name].shape if name in arrays else "none"
        wanted = tuple(variables[name].shape) if name in variables else "none"
        if found != wanted:
            raise _other(path, name, f"has shape {found}", wanted)
        if not _fits(arrays[name], np.dtype(variables[name].dtype)):
            raise _other(path, name, f"is {arrays[name].dtype}", variables[name].dtype)


def _fits(value, dtype):
    """Tells whether a dtype holds an array's values exactly: backends count steps in int32 or in int64."""
    if value.dtype == dtype:
        return True
    with np.errstate(all="ignore"):
        return np.array_equal(value.astype(dtype).astype(value.dtype), value, equal_nan=True)


def _other(path, name, found, wanted):
    group, name = name.split("/", 1)
    if group == "model":
        return UserError(f"{path} belongs to another model: weight {name} {found} in the checkpoint and {wanted} in "
                         "the model; use the run directory and the flags with which it was trained")
    return UserError(f"{path} was written with another optimizer: {name} {found} in the checkpoint and {wanted} in the "
                     "optimizer; use the flags with which the run was started, or another --run_dir")


def _unreadable(path, reason):
    return UserError(f"{path} cannot be read ({reason}); remove it to fall back to the checkpoint before it, or start "
                     "again in another --run_dir")


def _reason(error):
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0][:160]
