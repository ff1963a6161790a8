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

import numpy as np

from tfobj.data.scenes.png import encode_png

SPLITS = ("train", "validation", "test")
CHUNK = 128  # examples per task of a worker: large against the cost of a task, small against a split


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
    """Replaces the pictures of a scene (see `make_scene`) by PNG bytes and adds `num_objects` (visible, int)."""
    return {**scene, "image": encode_png(scene["image"]), "mask": encode_png(scene["mask"]),
            "num_objects": int(scene["visibility"].sum()) - 1}


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
    if workers <= 1 or len(ranges) <= 1:
        for start, stop in ranges:
            yield from _encode_range(scenes, seed, split, start, stop)
        return
    # Spawned, because a fork of a process in which TensorFlow runs threads may hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        tasks = ((scenes, seed, split, start, stop) for start, stop in ranges)
        yield from _ordered(pool, tasks, 2 * workers + 2)


def _ordered(pool, tasks, limit):
    """Yields the results of all tasks in order with at most `limit` chunks in flight, which bounds the memory."""
    pending = collections.deque()
    try:
        for task in tasks:
            pending.append(pool.submit(_encode_range, *task))
            if len(pending) >= limit:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
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
