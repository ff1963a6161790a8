"""The APC data set."""

import tensorflow_datasets as tfds

from tfobj.data.builders.official_apc import OfficialApc
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs

_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


class Apc(SceneBuilder):
    """Household goods on a shelf or in a tote, one object at a time, 128x128. No factors; release only.

    `scene` is `<environment>/<object>/<scene>`; the frames of one scene show it from several sides.
    """

    BUILDER_CONFIGS = scene_configs("apc", official_sizes={}, official_shards=_LET_TFDS_DECIDE)
    DESCRIPTION = ("The object segmentation training set of the MIT-Princeton team at the Amazon Picking Challenge "
                   "2016, shorter side resized to 128, centre kept, as for GENESIS-V2. Label 1 is the object; scenes "
                   "called scene-empty show none. The splits are by scene; frames are kept in a fixed random order.")
    HOMEPAGE = "http://apc.cs.princeton.edu"
    CITATION = """@inproceedings{zeng2017multi,
  title = {Multi-view Self-supervised Deep Learning for {6D} Pose Estimation in the {Amazon} Picking Challenge},
  author = {Zeng, Andy and Yu, Kuan-Ting and Song, Shuran and Suo, Daniel and Walker, Ed and Rodriguez, Alberto and
            Xiao, Jianxiong},
  booktitle = {IEEE International Conference on Robotics and Automation},
  year = {2017}
}"""

    @property
    def factor_features(self):
        """None."""
        return {}

    @property
    def extras(self):
        """See the class."""
        return {"scene": tfds.features.Text()}

    @property
    def official(self):
        """`OfficialApc`."""
        return OfficialApc(self.extras)
