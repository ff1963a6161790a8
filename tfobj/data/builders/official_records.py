"""Reads the released TFRecord files of the multi-object family for the builders.

What reads a release for a builder (its `official`) has

* `layout`: `tfobj.data.builders.layout.Layout` of the released examples;
* `splits(dl_manager, manual_dir, sizes, workers)`: dict from split to (number of examples, iterable of encoded scenes
  as of `tfobj.data.scenes.generation.encode_scene`). TFDS writes the splits one after the other in the order of the
  dict, `sizes` are the builder's `split_sizes`, `workers` the processes that may be used. Raises `UserError` for files
  that are missing, damaged or of another kind.
"""

import dataclasses
import itertools
import sys

from tfobj.data import record_reader
from tfobj.data import records
from tfobj.data.builders import official_file
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation
from tfobj.errors import UserError


_LEAST_REST = 0.01  # of the expected size; a last split that is smaller shows a file that was cut


@dataclasses.dataclass(frozen=True)
class OfficialRecords:
    """One released file, cut into splits of consecutive records.

    The file is read once for all splits: compressed files cannot be entered in the middle.

    Attributes:
        family: `tfobj.data.records.RecordFamily`.
        extras: dict from name to TFDS feature; the converted records hold them under the same names.
        objects_room_fix: bool, see `tfobj.data.records.canonical_scene`.
        open_ended: bool. The last split takes what is left, whatever its size: the numbers of records in the releases
            are known from others' counts only.
    """

    family: records.RecordFamily
    extras: dict = dataclasses.field(default_factory=dict)
    objects_room_fix: bool = False
    open_ended: bool = False

    @property
    def layout(self):
        """See the module."""
        return Layout(self.family.image_shape, self.family.max_objects, extras=self.extras)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See the module; the splits lie behind one another in the file, in the order of `sizes`."""
        path = official_file.locate(dl_manager, manual_dir, self.family)
        count = None if self.open_ended else sum(sizes.values())
        stream = _Stream(self._scenes(path, count, workers), count)
        starts = itertools.accumulate(sizes.values(), initial=0)
        return {split: (size, self._part(stream, path, split, start, sizes))
                for (split, size), start in zip(sizes.items(), starts)}

    def _scenes(self, path, count, workers):
        """Yields the first `count` (None: all) encoded scenes of the file."""
        scenes = record_reader.read_scenes(path, self.family, count, self.objects_room_fix)
        # Decoding stays in this process: it takes less time than handing the records, ten times as large, to another.
        for encoded in generation.ordered_map(records.encoded_scenes, _tasks(scenes), workers):
            yield from encoded

    def _part(self, stream, path, split, start, sizes):
        """Yields the scenes of one split."""
        size, takes_the_rest = sizes[split], self.open_ended and split == list(sizes)[-1]
        yield from stream.take(start, None if takes_the_rest else size)
        found = stream.position - start
        if found < (max(size * _LEAST_REST, 1) if takes_the_rest else size):
            raise UserError(self._too_short(path, split, stream.position, sizes))
        if found != size:
            print(f"warning: {path} holds {stream.position:,} records, the release is said to hold "
                  f"{sum(sizes.values()):,}: {split} gets {found:,} examples instead of {size:,}", file=sys.stderr,
                  flush=True)

    def _too_short(self, path, split, held, sizes):
        needed = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        return (f"{path}: holds {held:,} records, {sum(sizes.values()):,} are needed ({needed}), so {split} falls "
                f"short; fetch the whole file from {self.family.url}, or ask for fewer with "
                "--split_sizes")


def _tasks(scenes):
    while chunk := list(itertools.islice(scenes, generation.CHUNK)):
        yield (chunk,)


class _Stream:
    """Scenes that several splits take behind one another.

    Attributes:
        position: int. Scenes taken so far.
    """

    def __init__(self, scenes, count):
        self._scenes, self._count, self.position = scenes, count, 0

    def take(self, start, count):
        """Yields scenes `start` to `start + count` (None: all), fewer at the end of the file, none before `start`."""
        if self.position > start:
            raise RuntimeError(f"the splits were not read in their order: scene {start} after scene {self.position}")
        for scene in itertools.islice(self._scenes, None if count is None else start + count - self.position):
            self.position += 1
            if self.position == self._count:
                self._scenes.close()  # ends the worker processes
            if self.position > start:
                yield scene
