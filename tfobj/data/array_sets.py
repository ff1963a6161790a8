"""Decoded examples of a split as one `.npy` file per part, mapped into memory when they are used."""

import contextlib
import fcntl
import os
import shutil
import tempfile

import numpy as np

from tfobj.data.array_file import ArrayFile
from tfobj.data.array_file import check_room
from tfobj.data.build_progress import BuildProgress
from tfobj.errors import UserError

FEW = 100
"""So many examples are made in this process and in silence: that takes less time than starting workers."""


def open_arrays(directory, split, count, chunks, doing):
    """Opens the arrays of a split, making them first when they are not there.

    They are made in a directory of their own and moved into place when complete, so neither a kill nor a second process
    that wants the same arrays can leave or see half of them; the second one waits. Where nothing can be written they go
    into temporary files, for the life of the process.

    Args:
        directory: str. Directory of the data set's arrays; its name must change whenever the examples would.
        split: str. Name of the directory below it.
        count: int. Examples.
        chunks: Callable without arguments that returns an iterable of consecutive examples, dicts from part to array
            [n, ...], all `count` of them together.
        doing: str. What that means, for the user, e.g. "drawing tetrominoes/generated".

    Returns:
        dict from part to array [count, ...], read-only.

    Raises:
        UserError: there is not enough space, or a file is damaged.
    """
    path = os.path.join(directory, split)
    if os.path.isdir(path):
        return _load(path)
    if not _is_writable(directory):
        with tempfile.TemporaryDirectory(prefix="tfobj-") as temporary:
            _make(temporary, split, count, chunks, doing)
            return _load(temporary)  # a mapped file outlives its name
    with _exclusive(directory, split) as partial:
        if not os.path.isdir(path):
            os.mkdir(partial)
            _make(partial, split, count, chunks, doing)
            os.rename(partial, path)
    return _load(path)


def _is_writable(directory):
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError:
        return False
    return os.access(directory, os.W_OK)


@contextlib.contextmanager
def _exclusive(directory, split):
    """Holds the lock of a split and gives the name of its partial directory, which is removed before and after."""
    partial = os.path.join(directory, f".{split}.partial")
    with open(os.path.join(directory, f".{split}.lock"), "w", encoding="utf-8") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(partial, ignore_errors=True)
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _make(directory, split, count, chunks, doing):
    show = count > FEW
    if show:
        print(f"{doing}, split {split}", flush=True)
    with BuildProgress() if show else contextlib.nullcontext() as report, _Writer(directory, count) as writer:
        for chunk in chunks():
            try:
                writer.add(chunk)
            except OSError as error:
                raise UserError(f"{directory}: {error.strerror or error} while {doing}; free space, or choose another "
                                "--data_dir") from error
            if show:
                report(split, writer.done, count)


def _load(path):
    try:
        return {name.removesuffix(".npy"): np.asarray(np.load(os.path.join(path, name), mmap_mode="r"))
                for name in sorted(os.listdir(path))}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: a file cannot be read ({error}); delete the directory, its arrays are made "
                        "again") from error


class _Writer:
    """Appends examples to one file per part. Texts, whose length is known at the end, are held until then.

    Attributes:
        done: int. Examples so far.
    """

    def __init__(self, directory, count):
        self._directory, self._count, self.done = directory, count, 0
        self._files, self._texts, self._stack = {}, {}, contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        with self._stack:
            if kind is None:
                for name, pieces in self._texts.items():
                    np.save(self._path(name), np.concatenate(pieces))

    def add(self, chunk):
        """Appends a dict from part to array [n, ...]; raises OSError if there is no space."""
        if not self.done:
            self._check_space(chunk)
        for name, values in chunk.items():
            if values.dtype.kind == "S":
                self._texts.setdefault(name, []).append(values)
                continue
            if name not in self._files:
                self._files[name] = self._create(name, values)
            self._files[name].add(values)
        self.done += len(chunk["image"])

    def _create(self, name, values):
        return self._stack.enter_context(ArrayFile(self._path(name), self._count, values.shape[1:], values.dtype))

    def _path(self, name):
        return os.path.join(self._directory, f"{name}.npy")

    def _check_space(self, chunk):
        needed = sum(values.nbytes for values in chunk.values()) // len(chunk["image"]) * self._count
        check_room(self._directory, needed, f"{self._count:,} decoded examples", "choose another --data_dir")
