"""CLEVR scenes with instance masks."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data import records
from tfobj.data.builders.official_records import OfficialRecords
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.builders.tetrominoes import CITATION

# In the order of the file. Recipes of other papers cut it elsewhere, so all of it is kept.
_OFFICIAL_SIZES = {"train": 70_000, "test": 10_000, "validation": 10_000, "rest": 10_000}
_OFFICIAL_SHARDS = 64


class ClevrMasks(SceneBuilder):
    """Cubes, spheres and cylinders on a gray ground.

    Generated pictures are 128x128 and show the window of the frame that the papers crop; the release has the whole
    frame, 240x320. Factors: shape, size, color, material; coords_3d (x, y, z), pixel_coords (column, row in the
    240x320 frame, depth), rotation in degrees about the vertical. The classes of generated scenes have the names and
    order of CLEVR v1.0 in TensorFlow Datasets, from 0. Those of the release are its own numbers, from 1, 0 being
    padding, in an order for which no table of names was published: do not compare them with generated ones.
    """

    BUILDER_CONFIGS = (scene_configs("clevr_masks", "clevr10", _OFFICIAL_SIZES, _OFFICIAL_SHARDS)
                       + scene_configs("clevr_masks", "clevr6") + scene_configs("clevr_masks", "no_green_spheres"))
    DESCRIPTION = ("Three to ten (clevr6: three to six) cubes, spheres and cylinders of two sizes, eight colours and "
                   "two materials on a gray ground, after Johnson et al. 2017, with an instance mask.")
    CITATION = CITATION

    @property
    def factor_features(self):
        """See the class."""
        number = self.layout.max_objects
        vectors = {name: tfds.features.Tensor(shape=(number, 3), dtype=np.float32)
                   for name in ("coords_3d", "pixel_coords")}
        classes = self._released_classes if self.builder_config.source == "official" else self.class_features
        return {**classes, **vectors,
                "rotation": tfds.features.Tensor(shape=(number,), dtype=np.float32)}

    @property
    def record_family(self):
        """The released file's row."""
        return records.FAMILIES["clevr_masks/clevr10"]

    @property
    def official(self):
        """`OfficialRecords`; the rest of the file is as large as it is, unless sizes were asked for."""
        return OfficialRecords(self.record_family, open_ended=self._split_sizes is None)

    @property
    def _released_classes(self):
        counts = {factor: self.record_family.codes[factor] for factor in self.drawn.classes}
        return {factor: tfds.features.Sequence(tfds.features.ClassLabel(num_classes=count),
                                               length=self.layout.max_objects) for factor, count in counts.items()}
