"""The Shapes data set."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders.official_shapes import OfficialShapes
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.scenes import shapes


class Shapes(SceneBuilder):
    """Three binary outlines that may overlap, 28x28; pixels of several shapes are 255 in the mask, "ignore".

    Generated scenes have the factors shape (class) and row, column of the top-left corner; the file that others use,
    `shapes.h5`, has none.
    """

    BUILDER_CONFIGS = scene_configs("shapes", official_sizes={}, official_shards=0)
    DESCRIPTION = ("Three outlines in white on a black 28x28 image, each a square or a triangle pointing up or down, "
                   "anywhere and independent of each other, after Reichert & Serre 2013.")
    HOMEPAGE = "https://github.com/sjoerdvansteenkiste/Neural-EM"
    CITATION = """@inproceedings{reichert2014neuronal,
  title = {Neuronal Synchrony in Complex-Valued Deep Networks},
  author = {Reichert, David P. and Serre, Thomas},
  booktitle = {International Conference on Learning Representations},
  year = {2014}
}"""
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Only `official` reads a file: put `shapes.h5` into the manual directory."

    @property
    def official(self):
        """`OfficialShapes`."""
        return OfficialShapes()

    @property
    def factor_features(self):
        """See the class."""
        if self.builder_config.source == "official":
            return {}
        corner = tfds.features.Tensor(shape=(shapes.NUM_SHAPES,), dtype=np.float32)
        return {**self.class_features, "row": corner, "column": corner}
