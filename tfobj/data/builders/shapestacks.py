"""The ShapeStacks data set."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders.official_shapestacks import OfficialShapestacks
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs

_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


class Shapestacks(SceneBuilder):
    """Towers of two to six blocks. `stable` says whether the tower stands.

    Generated: 64x64, what the papers keep of the original 224x224; factors shape, colour, size and position; towers
    that stand, or, as variant `unstable`, that do not. Official: 224x224, no factors, both
    kinds of towers; `scenario` names the tower, `camera` counts from 1 as in the names of the files.
    """

    BUILDER_CONFIGS = [*scene_configs("shapestacks", official_sizes={}, official_shards=_LET_TFDS_DECIDE),
                       *scene_configs("shapestacks", "unstable")]
    DESCRIPTION = ("Towers of two to six coloured blocks in a room with textured floor and walls, seen by one of 16 "
                   "cameras. Generated: 64x64, stable towers, or unstable ones. Official: 224x224, the default split "
                   "with `eval` called validation; all views of a tower are in one split, and pictures are kept in a "
                   "fixed random order.")
    HOMEPAGE = "https://shapestacks.robots.ox.ac.uk"
    CITATION = """@inproceedings{groth2018shapestacks,
  title = {{ShapeStacks}: Learning Vision-Based Physical Intuition for Generalised Object Stacking},
  author = {Groth, Oliver and Fuchs, Fabian B. and Posner, Ingmar and Vedaldi, Andrea},
  booktitle = {European Conference on Computer Vision},
  year = {2018}
}"""

    @property
    def factor_features(self):
        """See the class."""
        if self.builder_config.source == "official":
            return {}
        number = self.scenes.max_objects
        vectors = {name: tfds.features.Tensor(shape=(number, 3), dtype=np.float32) for name in ("size", "position")}
        return {**self.class_features, **vectors}

    @property
    def extras(self):
        """See the class."""
        stable = {"stable": tfds.features.Scalar(np.bool_)}
        if self.builder_config.source != "official":
            return stable
        return {**stable, "scenario": tfds.features.Text(), "camera": tfds.features.Scalar(np.int32)}

    @property
    def official(self):
        """`OfficialShapestacks`."""
        return OfficialShapestacks(self.extras)
