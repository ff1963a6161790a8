"""CLEVR scenes with instance masks."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data import records
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.builders.tetrominoes import CITATION
from tfobj.data.scenes import clevr

_SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}
# In the order of the file. Recipes of other papers cut it elsewhere, so all of it is kept.
_OFFICIAL_SIZES = {"train": 70_000, "test": 10_000, "validation": 10_000, "rest": 10_000}
_OFFICIAL_SHARDS = 64
_SCENES = {
    "clevr10": clevr.ClevrScenes(3, 10),
    "clevr6": clevr.ClevrScenes(3, 6),
    "no_green_spheres": clevr.ClevrScenes(3, 10, exclude=(("sphere", "green"),)),
}
_CLASSES = {"shape": clevr.SHAPES, "size": clevr.SIZES, "color": clevr.COLORS, "material": clevr.MATERIALS}


class ClevrMasks(SceneBuilder):
    """Cubes, spheres and cylinders on a gray ground.

    Generated pictures are 128x128 and show the window of the frame that the papers crop; the release has the whole
    frame, 240x320. Factors: shape, size, color, material; coords_3d (x, y, z), pixel_coords (column, row in the
    240x320 frame, depth), rotation in degrees about the vertical. The classes of generated scenes have the names and
    order of CLEVR v1.0 in TensorFlow Datasets, from 0. Those of the release are its own numbers, from 1, 0 being
    padding, in an order for which no table of names was published: do not compare them with generated ones.
    """

    BUILDER_CONFIGS = (scene_configs(_SIZES, "clevr10", _OFFICIAL_SIZES, _OFFICIAL_SHARDS)
                       + scene_configs(_SIZES, "clevr6") + scene_configs(_SIZES, "no_green_spheres"))
    DESCRIPTION = ("Three to ten (clevr6: three to six) cubes, spheres and cylinders of two sizes, eight colours and "
                   "two materials on a gray ground, after Johnson et al. 2017, with an instance mask.")
    CITATION = CITATION

    @property
    def scenes(self):
        """`ClevrScenes` of the configuration's variant."""
        return _SCENES[self.builder_config.variant]

    @property
    def factor_features(self):
        """See the class."""
        number = self.layout.max_objects
        labels = {name: self._label(name) for name in _CLASSES}
        vectors = {name: tfds.features.Tensor(shape=(number, 3), dtype=np.float32)
                   for name in ("coords_3d", "pixel_coords")}
        return {**{name: tfds.features.Sequence(label, length=number) for name, label in labels.items()}, **vectors,
                "rotation": tfds.features.Tensor(shape=(number,), dtype=np.float32)}

    @property
    def record_family(self):
        """The released file's row."""
        return records.FAMILIES["clevr_masks/clevr10"]

    def _label(self, name):
        if self.builder_config.source == "official":
            return tfds.features.ClassLabel(num_classes=self.record_family.codes[name])
        return tfds.features.ClassLabel(names=_CLASSES[name])
