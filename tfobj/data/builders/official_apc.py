"""Reads the APC release for its builder (what that means: `tfobj.data.builders.official_records`)."""

import dataclasses
import os

from tfobj.data.builders import apc_files
from tfobj.data.builders import release_files
from tfobj.data.builders import release_order
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation

_ARCHIVE = release_files.ReleasedFile("http://3dvision.princeton.edu/projects/2016/apc/downloads/training.zip", "apc")


@dataclasses.dataclass(frozen=True)
class OfficialApc:
    """The object segmentation training set, split by scene.

    Read from the directory `training` in the manual directory or its `apc` folder. Where that is missing, the archive
    `training.zip` is looked for in the same places, else downloaded (130 GB); it is read without unpacking. The frames
    of a split are kept in a fixed random order.

    Attributes:
        extras: dict from name to TFDS feature: `scene`.
    """

    extras: dict

    @property
    def layout(self):
        """128x128, one object at most, with masks."""
        return Layout((apc_files.SIZE, apc_files.SIZE, 3), 1, extras=self.extras)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See `tfobj.data.builders.official_records`; `sizes` is not used, the scenes decide."""
        del sizes
        roots = (manual_dir, os.path.join(manual_dir, "apc"))
        root = next((root for root in roots if os.path.isdir(os.path.join(root, "training"))), None)
        release = (apc_files.Directory(root) if root else apc_files.Archive(
            *release_files.locate_all(dl_manager, manual_dir, [_ARCHIVE], "training")))
        scenes = apc_files.list_scenes(release)
        contents = {}
        for split, names in apc_files.split_scenes(scenes, release.path).items():
            frames = release_order.fixed_order(sorted((image, mask, scene) for scene in names
                                                      for image, mask in scenes[scene]))
            tasks = self._tasks(release, frames)
            contents[split] = len(frames), generation.ordered_map(apc_files.read_frame, tasks, workers)
        return contents

    def _tasks(self, release, frames):
        for image, mask, scene in frames:
            yield scene, image, release.read(image), mask, release.read(mask) if mask else b""
