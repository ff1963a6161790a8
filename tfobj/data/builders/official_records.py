"""Reads the released TFRecord files of the multi-object family for the builders.

What reads a release for a builder (its `official`) has

* `layout`: `tfobj.data.builders.layout.Layout` of the released examples;
* `splits(dl_manager, manual_dir, sizes, workers)`: dict from split to (number of examples, iterable of encoded scenes
  as of `tfobj.data.scenes.generation.encode_scene`). TFDS writes the splits one after the other in the order of the
  dict, `sizes` are the builder's `split_sizes`, `workers` the processes that may be used. Raises `UserError` for files
  that are missing, damaged or of another kind.
"""

import dataclasses

from tfobj.data import records
from tfobj.data.builders import official_file
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation
from tfobj.errors import UserError


@dataclasses.dataclass(frozen=True)
class OfficialRecords:
    """One released file, cut into splits of consecutive records.

    Attributes:
        family: `tfobj.data.records.RecordFamily`.
        extras: dict from name to TFDS feature; the converted records hold them under the same names.
    """

    family: records.RecordFamily
    extras: dict = dataclasses.field(default_factory=dict)

    @property
    def layout(self):
        """See the module."""
        return Layout(self.family.image_shape, self.family.max_objects, extras=self.extras)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See the module; the splits lie behind one another in the file, in the order of `sizes`."""
        del workers
        path = official_file.locate(dl_manager, manual_dir, self.family)
        contents, start = {}, 0
        for split, size in sizes.items():
            contents[split] = size, self._scenes(path, split, start, sizes)
            start += size
        return contents

    def _scenes(self, path, split, start, sizes):
        found = 0
        for record in records.read_records(path, self.family, start, sizes[split]):
            yield generation.encode_scene(records.canonical_scene(record, self.family))
            found += 1
        if found < sizes[split]:
            raise UserError(self._too_short(path, split, start, found, sizes))

    def _too_short(self, path, split, start, found, sizes):
        needed = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        held = f"holds {start + found:,} records" if found or not start else f"holds no more than {start:,} records"
        return (f"{path}: {held}, {sum(sizes.values()):,} are needed ({needed}), so {split} falls short; fetch the whole "
                f"file from {self.family.url}, or ask for fewer with --split_sizes=TRAIN,VALIDATION,TEST")
