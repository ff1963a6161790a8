"""The Sketchy data set."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders import sketchy_files
from tfobj.data.builders.official_sketchy import OfficialSketchy
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs

_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


class Sketchy(SceneBuilder):
    """A robot arm and coloured blocks, squares of 128x128 from two cameras. No masks, no factors; release only.

    `episode` and `step` say where a picture comes from, `camera` and `crop` which part of the view it is.
    """

    BUILDER_CONFIGS = scene_configs("sketchy", official_sizes={}, official_shards=_LET_TFDS_DECIDE)
    DESCRIPTION = ("Demonstrations of a robot that lifts and stacks blocks, every step seen by two cameras and cut "
                   "into 14 squares of 128x128 pixels as for GENESIS-V2. The crops of a step are near duplicates; the "
                   "splits are by episode. Steps are kept in a fixed random order.")
    HOMEPAGE = "https://github.com/google-deepmind/deepmind-research/tree/master/sketchy"
    CITATION = """@inproceedings{cabi2020scaling,
  title = {Scaling Data-Driven Robotics with Reward Sketching and Batch Reinforcement Learning},
  author = {Cabi, Serkan and others},
  booktitle = {Robotics: Science and Systems},
  year = {2020}
}"""

    @property
    def factor_features(self):
        """None."""
        return {}

    @property
    def extras(self):
        """See the class."""
        return {"episode": tfds.features.Text(), "step": tfds.features.Scalar(np.int32),
                "camera": tfds.features.ClassLabel(names=sketchy_files.CAMERAS),
                "crop": tfds.features.ClassLabel(names=sketchy_files.CROPS)}

    @property
    def official(self):
        """`OfficialSketchy`."""
        return OfficialSketchy(self.extras)
