"""Reads the ClevrTex release for its builder (what that means: `tfobj.data.builders.official_records`)."""

import dataclasses

from tfobj.data.builders import clevrtex_files
from tfobj.data.builders import release_files
from tfobj.data.builders import release_order
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation

_URL = "https://thor.robots.ox.ac.uk/datasets/clevrtex"
_FULL_PARTS = 5
_SCENES = {"full": 50_000, "outd": 10_000}  # the other variants: 20,000


@dataclasses.dataclass(frozen=True)
class OfficialClevrtex:
    """One variant. By number, the first tenth is test, the second validation, the rest train; `outd` is all test.

    Read from the unpacked release in the manual directory or its `clevrtex` folder. Where that is missing, the archives
    of the variant are looked for in the same places, else downloaded; pictures, maps and descriptions are unpacked in
    the download directory.

    Attributes:
        variant: str.
        extras: dict from name to TFDS feature: `ground_material`.
    """

    variant: str
    extras: dict

    @property
    def layout(self):
        """240x320, up to ten objects, with masks."""
        return Layout((*clevrtex_files.SHAPE, 3), clevrtex_files.MAX_OBJECTS, extras=self.extras)

    @property
    def archives(self):
        """Tuple of `ReleasedFile`, the archives of the variant."""
        parts = [f"_part{part}" for part in range(1, _FULL_PARTS + 1)] if self.variant == "full" else [""]
        return tuple(release_files.ReleasedFile(f"{_URL}/clevrtex_{self.variant}{part}.tar.gz", "clevrtex")
                     for part in parts)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See `tfobj.data.builders.official_records`; `sizes` is not used, the numbers of the scenes decide."""
        del sizes
        root = clevrtex_files.find_root(manual_dir, self.variant) or self._unpack(dl_manager, manual_dir)
        contents = self._cut(clevrtex_files.list_scenes(root, self.variant), root)
        return {split: (len(paths), generation.ordered_map(clevrtex_files.read_scene, zip(paths), workers))
                for split, paths in contents.items()}

    def _unpack(self, dl_manager, manual_dir):
        name = f"clevrtex_{self.variant}"
        archives = release_files.locate_all(dl_manager, manual_dir, self.archives, name)
        directory = release_files.unpack_directory(dl_manager, name)
        return release_files.unpack(archives, directory, clevrtex_files.placer(self.variant))

    def _cut(self, paths, root):
        expected = _SCENES.get(self.variant, 20_000)
        if len(paths) != expected:
            release_files.warn(f"{root} holds {len(paths):,} scenes, the release has {expected:,}: the splits will not "
                               "be those of other people's results")
        if self.variant == "outd":
            return {"test": paths}
        return release_order.tenths(paths, "test", "validation", root)
