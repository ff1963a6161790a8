"""What a phase computes once of every training image, in a file of the run directory while the phase lasts.

    precomputed/<name>-<digest>.npy   [num_examples, ...], in the order of the training examples behind the filters; the
                                      digest is that of the weights

A resumed run finds the file again; where it is missing, or not that of the weights, it is made again.
"""

import hashlib
import pathlib
import shutil

import numpy as np

from tfobj.data.array_file import ArrayFile
from tfobj.data.array_file import check_room
from tfobj.errors import UserError
from tfobj.file_writing import readable_size
from tfobj.training.arrays import host_array
from tfobj.training.arrays import unit_range
from tfobj.training.progress import Countdown

FOLDER = "precomputed"
"""Directory of these files below that of the run."""

_UNFINISHED = "unfinished.tmp"


def arrays_of(engine, model, images, directory, interrupted, say):
    """Opens what is there, or computes it.

    Args:
        engine: See `tfobj.training.engine`.
        model: Built `SlotModel` with a `precomputation`, its weights restored.
        images: Evaluation input of the engine over the examples that are trained on.
        directory: `pathlib.Path` of the run.
        interrupted: Callable without arguments that tells whether to stop.
        say: Callable of a message (str).

    Returns:
        Dict from name to array [num_examples, ...], mapped into memory; None: it was interrupted.

    Raises:
        UserError: the file cannot be written.
    """
    wanted = model.precomputation()
    path = directory / FOLDER / f"{wanted.name}-{_digest(wanted.weights)}.npy"
    shape = (images.num_examples, *wanted.shape)
    missing, _ = engine.agree(_opened(path, shape, wanted.dtype) is None, 0.0)
    if missing:
        say(f"computing the {wanted.title} of {shape[0]:,} images, {readable_size(_num_bytes(wanted, shape[0]))}, into "
            f"{path.parent}")
        if not _compute(engine, model, images, path, interrupted):
            return None
        engine.agree(False, 0.0)  # the chief has renamed the file
    return {wanted.name: _opened(path, shape, wanted.dtype)}


def check_space(model, num_examples, directory):
    """Checks that there is room for the file, before the phases before it are trained.

    Args:
        model: Built `SlotModel` with a `precomputation`.
        num_examples: int.
        directory: `pathlib.Path` of the run, which need not exist.

    Raises:
        UserError: there is not.
    """
    folder = directory / FOLDER
    held = sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0
    existing = next(path for path in (directory, *directory.absolute().parents) if path.is_dir())
    wanted = model.precomputation()
    check_room(existing, _num_bytes(wanted, num_examples), f"--phases: {wanted.title} of {num_examples:,} images",
               "leave precompute out", reusable=held)


def remove(directory):
    """Removes the files of a run (`pathlib.Path`), if there are any."""
    shutil.rmtree(directory / FOLDER, ignore_errors=True)


def _num_bytes(precomputation, num_examples):
    return num_examples * int(np.prod(precomputation.shape)) * np.dtype(precomputation.dtype).itemsize


def _digest(variables):
    """16 hexadecimal digits that change with the weights."""
    found = hashlib.sha256()
    for variable in variables:
        found.update(np.ascontiguousarray(host_array(variable.value)).tobytes())
    return found.hexdigest()[:16]


def _opened(path, shape, dtype):
    """The array of a file, None where there is none or another one."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return array if (array.shape, array.dtype) == (shape, np.dtype(dtype)) else None


def _compute(engine, model, images, path, interrupted):
    """Writes the file, as the chief, and waits for it, as another worker; returns whether it is complete."""
    wanted = model.precomputation()

    def values_of(batch, noise):
        del noise
        return {"values": wanted.compute(unit_range(batch["image"])), "valid": batch["valid"]}

    batches = engine.mapper(model, values_of, images).run({})
    if not engine.is_chief:
        return all(not _stopped(engine, interrupted) for _ in batches)
    try:
        return _write(path, wanted, images.num_examples, batches, lambda: _stopped(engine, interrupted))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}; make room and start the same command "
                        "again to resume") from None


def _stopped(engine, interrupted):
    return engine.agree(bool(interrupted()), 0.0)[0]


def _write(path, wanted, count, batches, stopped):
    """Writes under a temporary name and renames what is on disk, so that `path` is whole or not there."""
    remove(path.parents[1])
    path.parent.mkdir(parents=True)
    report = Countdown("computed", wanted.title)
    with ArrayFile(path.with_name(_UNFINISHED), count, wanted.shape, wanted.dtype) as file:
        for batch in batches:
            file.add(batch["values"][batch["valid"].astype(bool)])
            if stopped():
                return False
            report(file.done, count)
        file.sync()
    pathlib.Path(path.with_name(_UNFINISHED)).replace(path)
    return True
