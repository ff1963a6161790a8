"""Reads the ShapeStacks release for its builder (what that means: `tfobj.data.builders.official_records`)."""

import dataclasses

from tfobj.data.builders import release_files
from tfobj.data.builders import release_order
from tfobj.data.builders import shapestacks_files
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation

_URL = "http://shapestacks-file.robots.ox.ac.uk/static/download/v1"
# Small ones first: whether the server answers is known before 33 GB are on their way.
_ARCHIVES = tuple(release_files.ReleasedFile(f"{_URL}/shapestacks-{kind}.tar.gz", "shapestacks")
                  for kind in ("meta", "iseg", "rgb"))
_SIZES = {"train": 217_888, "validation": 46_560, "test": 46_752}  # second-hand, hence never an error


@dataclasses.dataclass(frozen=True)
class OfficialShapestacks:
    """The pictures and instance maps of the default split; `eval` is called validation.

    Read from the unpacked release in the manual directory or its `shapestacks` folder. Where that is missing, the three
    archives are looked for in the same places, else downloaded; pictures, maps and splits of them are unpacked in
    the download directory. The pictures of a split are kept in a fixed random order. Other numbers of pictures than
    those known of the release, and instance maps with unexpected values, are remarked on standard error.

    Attributes:
        extras: dict from name to TFDS feature: `scenario`, `camera`, `stable`.
    """

    extras: dict

    @property
    def layout(self):
        """224x224, up to six objects, with masks."""
        return Layout((*shapestacks_files.SHAPE, 3), shapestacks_files.MAX_OBJECTS, extras=self.extras)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See `tfobj.data.builders.official_records`; `sizes` is not used, the release decides."""
        del sizes
        root = shapestacks_files.find_root(manual_dir) or self._unpack(dl_manager, manual_dir)
        frames = {split: release_order.fixed_order(shapestacks_files.list_frames(root, split))
                  for split in shapestacks_files.SPLITS}
        _compare({split: len(tasks) for split, tasks in frames.items()}, root)
        return {split: (len(tasks), _scenes(split, tasks, workers)) for split, tasks in frames.items()}

    def _unpack(self, dl_manager, manual_dir):
        archives = release_files.locate_all(dl_manager, manual_dir, _ARCHIVES, "shapestacks")
        directory = release_files.unpack_directory(dl_manager, "shapestacks")
        return release_files.unpack(archives, directory, shapestacks_files.place)


def _compare(sizes, root):
    if sizes != _SIZES:
        found, expected = (", ".join(f"{split} {numbers[split]:,}" for split in _SIZES) for numbers in (sizes, _SIZES))
        release_files.warn(f"{root} holds other numbers of pictures ({found}) than are known of the release "
                           f"({expected}); is everything unpacked?")


def _scenes(split, tasks, workers):
    """Yields the encoded scenes of a split, and says at its end how many maps were not quite what they should be."""
    count, first = 0, ""
    try:
        for scene, (_, map_path) in zip(generation.ordered_map(shapestacks_files.read_frame, tasks, workers), tasks):
            if scene.pop("unexpected"):
                count, first = count + 1, first or map_path
            yield scene
    finally:  # whoever wants only some of the scenes does not come to the end
        if count:
            release_files.warn(f"{split}: {count:,} instance maps hold other values than 32 x label, the first is "
                               f"{first}; the label is value // 32, those above 6 are ignored")
