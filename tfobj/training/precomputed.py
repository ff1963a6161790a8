"""What a phase computes once of every training image, in a file of the run directory while the phase lasts.

    precomputed/<name>-<digest>.npy   [num_examples, ...], in the order of the training examples behind the filters; the
                                      digest is that of the weights

A resumed run finds the file again; where it is missing, cut off, or not that of the weights, it is made again. The
directory may be a link to another disk.
"""

import contextlib
import hashlib
import os
import time

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
_PATIENCE = 30.0  # seconds until a worker sees what another has written, on a network file system


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
        UserError: the file cannot be written, or not be read where it was written.
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
    array = _opened(path, shape, wanted.dtype, _PATIENCE)
    if engine.agree(array is None, 0.0)[0]:
        raise UserError(f"{path} is not seen by all workers; --run_dir must lie on a file system that all of them "
                        "share")
    return {wanted.name: array}


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
    held = sum(map(_file_size, _files(directory)))
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    wanted = model.precomputation()
    check_room(existing, _num_bytes(wanted, num_examples), f"--phases: {wanted.title} of {num_examples:,} images",
               "leave precompute out", reusable=held)


def remove(directory):
    """Removes the files of a run (`pathlib.Path`), if there are any."""
    with contextlib.suppress(OSError):
        for path in _files(directory):
            path.unlink(missing_ok=True)
        (directory / FOLDER).rmdir()  # a link to a directory stays


def _files(directory):
    return [*(directory / FOLDER).glob("*.npy"), *(directory / FOLDER).glob(_UNFINISHED)]


def _file_size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process is at work
        return 0


def _num_bytes(precomputation, num_examples):
    return num_examples * int(np.prod(precomputation.shape)) * np.dtype(precomputation.dtype).itemsize


def _digest(variables):
    """16 hexadecimal digits that change with the weights."""
    found = hashlib.sha256()
    for variable in variables:
        found.update(np.ascontiguousarray(host_array(variable.value)).tobytes())
    return found.hexdigest()[:16]


def _opened(path, shape, dtype, patience=0.0):
    """The array of a file; None where there is none, or another one, after so many seconds (float)."""
    end = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError, ValueError, EOFError):
            array = np.load(path, mmap_mode="r")
            if (array.shape, array.dtype) == (shape, np.dtype(dtype)):
                return array
        if time.monotonic() >= end:
            return None
        time.sleep(1.0)


def _compute(engine, model, images, path, interrupted):
    """Writes the file, as the chief, and waits for it, as another worker; returns whether it is complete."""
    wanted = model.precomputation()

    def values_of(batch, noise):
        del noise
        return {"values": wanted.compute(unit_range(batch["image"])), "valid": batch["valid"]}

    with contextlib.closing(engine.mapper(model, values_of, images).run({})) as batches:
        if not engine.is_chief:
            return all(not _stopped(engine, interrupted) for _ in batches)
        with _errors_of(path):
            remove(path.parents[1])
            path.parent.mkdir(parents=True, exist_ok=True)
        return _write(path, wanted, images.num_examples, batches, lambda: _stopped(engine, interrupted))


def _stopped(engine, interrupted):
    return engine.agree(bool(interrupted()), 0.0)[0]


def _write(path, wanted, count, batches, stopped):
    """Writes under a temporary name and renames what is on disk, so that `path` is whole or not there."""
    unfinished, report = path.with_name(_UNFINISHED), Countdown("computed", wanted.title)
    try:
        with _errors_of(path):
            file = ArrayFile(unfinished, count, wanted.shape, wanted.dtype)
        with file:
            for batch in batches:
                with _errors_of(path):
                    file.add(batch["values"][batch["valid"].astype(bool)])
                if stopped():
                    return False
                report(file.done, count)
            with _errors_of(path):
                file.sync()
                os.replace(unfinished, path)
        return True
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _errors_of(path):
    """Turns what is raised by writing a file into a `UserError`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}; mend that and start the same command "
                        "again to resume") from None
