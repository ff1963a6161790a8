"""The quickstart's data set."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.scenes import colored_shapes


class ColoredShapes(SceneBuilder):
    """Two or three coloured shapes on gray, 32x32. Factors: shape, centre (row, column), radius, angle, colour."""

    BUILDER_CONFIGS = scene_configs("colored_shapes")
    DESCRIPTION = ("Two or three squares, discs or triangles of six saturated colours on mid-gray, 32x32 pixels, never "
                   "touching: small enough for a first training within minutes on a CPU.")
    HOMEPAGE = ""

    @property
    def factor_features(self):
        """See the class."""
        number = colored_shapes.MAX_OBJECTS
        numbers = {name: tfds.features.Tensor(shape=(number,), dtype=np.float32)
                   for name in ("row", "column", "radius", "angle")}
        return {**self.class_features, **numbers, "color": tfds.features.Tensor(shape=(number, 3), dtype=np.float32)}
