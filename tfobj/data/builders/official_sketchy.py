"""Reads the Sketchy release for its builder (what that means: `tfobj.data.builders.official_records`)."""

import dataclasses
import itertools
import os

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfobj.data.builders import release_files
from tfobj.data.builders import release_order
from tfobj.data.builders import sketchy_files
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation
from tfobj.errors import UserError

_URL = "https://storage.googleapis.com/sketchy-data"
_ARCHIVES_PER_SUBSET = 2
_ARCHIVES = tuple(
    release_files.ReleasedFile(f"{_URL}/{subset}-{part:05d}-of-{_ARCHIVES_PER_SUBSET:05d}.tar.bz2", "sketchy")
    for subset in sketchy_files.SUBSETS for part in range(_ARCHIVES_PER_SUBSET))
_EPISODES = 100 * len(_ARCHIVES)


@dataclasses.dataclass(frozen=True)
class OfficialSketchy:
    """Squares of two cameras in every step. By name, the first tenth of the episodes is validation, the second test.

    Episodes are read from the folders `sketchy` and `sketchy/records` of the manual directory. Where there are none,
    the four archives are looked for in the manual directory and its `sketchy` folder, else downloaded, and unpacked in
    the download directory. The steps of a split are kept in a fixed random order, the 14 pictures of a step together.

    Attributes:
        extras: dict from name to TFDS feature: `episode`, `step`, `camera`, `crop`.
        frame_stride: int. Of each episode, the steps 0, frame_stride, 2 frame_stride, ... are kept; 1, as in the
            GENESIS-V2 code: all of them.
    """

    extras: dict
    frame_stride: int = 1

    @property
    def layout(self):
        """128x128, no masks; how many objects are visible is not known."""
        return Layout((sketchy_files.SIZE, sketchy_files.SIZE, 3), has_masks=False, extras=self.extras)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See `tfobj.data.builders.official_records`; `sizes` is not used, the names of the episodes decide."""
        del sizes
        episodes = (sketchy_files.list_episodes(sketchy_files.folders(manual_dir))
                    or sketchy_files.list_episodes([self._unpack(dl_manager, manual_dir)]))
        if len(episodes) != _EPISODES:
            release_files.warn(f"{os.path.dirname(episodes[0])} holds {len(episodes)} episodes, the release has "
                               f"{_EPISODES}: the splits will not be those of other people's results")
        splits = release_order.tenths(episodes, "validation", "test", os.path.dirname(episodes[0]))
        return {split: self._content(paths, workers) for split, paths in splits.items()}

    def episode(self, path):
        """One episode file alone: (number of examples, iterable of encoded scenes)."""
        return self._content([path], 1)

    def _unpack(self, dl_manager, manual_dir):
        archives = release_files.locate_all(dl_manager, manual_dir, _ARCHIVES, "sketchy")
        return release_files.unpack(archives, release_files.unpack_directory(dl_manager, "sketchy"),
                                    sketchy_files.place)

    def _content(self, episodes, workers):
        steps = release_order.fixed_order(
            (path, number, *span) for path in episodes for number, span in enumerate(sketchy_files.find_steps(path))
            if number % self.frame_stride == 0)
        tasks = (_read_task(*step) for step in steps)
        scenes = generation.ordered_map(sketchy_files.read_step, tasks, workers)
        return len(steps) * sketchy_files.CROPS_PER_STEP, itertools.chain.from_iterable(scenes)


def _read_task(path, number, offset, size):
    """Arguments of `sketchy_files.read_step`: the pictures of a record, still as JPEG."""
    with open(path, "rb") as file:
        file.seek(offset)
        record = file.read(size)
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise UserError(f"{path}: step {number} is damaged ({error}); unpack the archive again") from error
    jpegs = {}
    for camera in sketchy_files.CAMERAS:
        values = features[sketchy_files.feature_name(camera)].bytes_list.value
        if len(values) != 1:
            raise UserError(f"{path}: step {number} has no picture {sketchy_files.feature_name(camera)}; is this an "
                            "episode of the Sketchy data? Fetch the original file again")
        jpegs[camera] = values[0]
    return os.path.basename(path), number, jpegs
