"""The Sketchy data set."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders import sketchy_files
from tfobj.data.builders.official_sketchy import OfficialSketchy
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import SceneConfig
from tfobj.errors import UserError

_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


@dataclasses.dataclass(eq=False)
class SketchyConfig(SceneConfig):
    """Which steps of the episodes are kept.

    Attributes:
        frame_stride: int. Of each episode, the steps 0, frame_stride, 2 frame_stride, ...
    """

    frame_stride: int = 1


_EVERY_STEP = SketchyConfig(name="official", source="official", num_shards=_LET_TFDS_DECIDE,
                            description="The examples of the release.")


def strided_config(frame_stride):
    """The configuration that keeps every `frame_stride`-th step, 10 steps being a second.

    `official` keeps all, as the GENESIS-V2 code does. Any other is a set of its own, to be built with
    `Sketchy(config=strided_config(4), data_dir=..., manual_dir=...).download_and_prepare()`.

    Args:
        frame_stride: int, at least 1.

    Returns:
        `SketchyConfig` named `official`, or `official_stride_<n>`.

    Raises:
        UserError: `frame_stride` is no positive integer.
    """
    if not isinstance(frame_stride, int) or frame_stride < 1:
        raise UserError(f"frame_stride={frame_stride!r}: expected an integer of at least 1; 1 keeps every step")
    if frame_stride == 1:
        return _EVERY_STEP
    return dataclasses.replace(_EVERY_STEP, name=f"official_stride_{frame_stride}", frame_stride=frame_stride,
                               description=f"Of each episode, every {frame_stride}th step, from the first one on.")


class Sketchy(SceneBuilder):
    """A robot arm and coloured blocks, squares of 128x128 from two cameras. No masks, no factors; release only.

    `episode` and `step` say where a picture comes from, `camera` and `crop` which part of the view it is. All steps of
    the episodes are kept; see `strided_config` for fewer.
    """

    BUILDER_CONFIGS = [strided_config(1)]
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
        return OfficialSketchy(self.extras, self.builder_config.frame_stride)
