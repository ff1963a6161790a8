"""The Multi-dSprites data sets."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data import records
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import OFFICIAL_SIZES
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.builders.tetrominoes import CITATION
from tfobj.data.scenes import catalogue


class MultiDsprites(SceneBuilder):
    """Overlapping sprites, 64x64. Factors: shape, x, y in [0,1], scale in [0.5,1], orientation (radians), colour."""

    BUILDER_CONFIGS = [config for variant in catalogue.SETS["multi_dsprites"] for config in scene_configs(
        "multi_dsprites", variant, OFFICIAL_SIZES if f"multi_dsprites/{variant}" in records.FAMILIES else None)]
    DESCRIPTION = ("Squares, ellipses and hearts that cover each other on a 64x64 image: white on black (binarized), "
                   "saturated on gray (colored_on_grayscale), or any colour on any colour (colored_on_colored). "
                   "colored_on_colored_levels, generated only, has five levels per channel and no colour twice, as in "
                   "GENESIS.")
    CITATION = CITATION

    @property
    def factor_features(self):
        """See the class."""
        number, channels = self.scenes.max_objects, self.scenes.image_shape[-1]
        poses = {name: tfds.features.Tensor(shape=(number,), dtype=np.float32)
                 for name in ("x", "y", "scale", "orientation")}
        color = tfds.features.Tensor(shape=(number, channels), dtype=np.float32)
        return {**self.class_features, **poses, "color": color}

    @property
    def record_family(self):
        """The released file's row, None for the variant that was not released."""
        return records.FAMILIES.get(f"multi_dsprites/{self.builder_config.variant}")
