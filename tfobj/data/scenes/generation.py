"""Turns a scene generator into a stream of encoded examples, in this process or in a pool of workers.

An example depends on (seed, split, index) alone, so any of them can be drawn again by itself, in any process.
"""

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from tfobj.data.scenes.png import encode_png
from tfobj.errors import UserError

SPLITS = ("train", "validation", "test")
PICTURES = ("image", "mask", "background")  # keys of a scene that hold pictures
CHUNK = 32  # examples per task of a worker: large against the cost of a task, small against a split


def example_rng(seed, split, index):
    """The random generator of one example.

    Args:
        seed: int. Base seed of the data set.
        split: str, one of `SPLITS`.
        index: int. Position in the split.

    Returns:
        `numpy.random.Generator`.
    """
    sequence = np.random.SeedSequence([seed, SPLITS.index(split), index])
    return np.random.Generator(np.random.PCG64(sequence))


def encode_scene(scene):
    """Makes a scene ready for storage.

    Args:
        scene: dict as of `make_scene`; the keys of `PICTURES` hold uint8 [H,W] or [H,W,C], or with a leading time axis
            where `image` has four axes. A picture that is bytes already is kept.

    Returns:
        The dict with PNG bytes, or lists of them, instead of pictures, and `num_objects` (visible, int) if there is
        `visibility`.
    """
    frames = getattr(scene["image"], "ndim", 3) == 4
    encoded = {name: _encode(scene[name], frames) for name in PICTURES if name in scene}
    if "visibility" in scene:
        encoded["num_objects"] = int(scene["visibility"].sum()) - 1
    return {**scene, **encoded}


def _encode(picture, frames):
    if not isinstance(picture, np.ndarray):
        return picture
    return [encode_png(frame) for frame in picture] if frames else encode_png(picture)


def _encode_range(scenes, seed, split, start, stop):
    return [encode_scene(scenes.draw(example_rng(seed, split, index))) for index in range(start, stop)]


def generate(scenes, seed, split, num_examples, workers=1):
    """Yields the encoded examples of a split in index order; the result does not depend on `workers`.

    Args:
        scenes: Scene generator (see `tfobj.data.scenes`); picklable.
        seed: int.
        split: str, one of `SPLITS`.
        num_examples: int.
        workers: int. 1 draws in this process; more start that many processes.

    Yields:
        dict as of `encode_scene`.
    """
    ranges = [(start, min(start + CHUNK, num_examples)) for start in range(0, num_examples, CHUNK)]
    workers = workers if len(ranges) > 1 else 1
    for chunk in ordered_map(_encode_range, ((scenes, seed, split, *bounds) for bounds in ranges), workers):
        yield from chunk


def ordered_map(function, tasks, workers=1):
    """Applies a function to many tasks, in a pool of processes, and yields the results in order.

    At most `2 * workers + 2` tasks are in flight, which bounds the memory; `tasks` is read as the results are taken.

    Args:
        function: Picklable callable of a module that does not import TensorFlow.
        tasks: Iterable of tuples of arguments.
        workers: int. 1 calls the function in this process; more start that many processes.

    Yields:
        `function(*task)` for each task.

    Raises:
        UserError: a process of the pool was killed.
    """
    if workers <= 1:
        for task in tasks:
            yield function(*task)
        return
    # Spawned, because a fork of a process in which TensorFlow runs threads may hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        pending = collections.deque()
        try:
            for task in tasks:
                pending.append(pool.submit(function, *task))
                if len(pending) >= 2 * workers + 2:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise UserError("a worker process was killed, probably for lack of memory; use fewer --workers than "
                            f"{workers}") from error
        finally:
            for future in pending:
                future.cancel()


def _start_worker():
    """Leaves Ctrl-C to the parent, and ends the worker if the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
