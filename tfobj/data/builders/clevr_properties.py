"""CLEVR with properties, for set prediction."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders.official_clevr import OfficialClevr
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs

_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


class ClevrProperties(SceneBuilder):
    """The whole frame with the properties of its three to ten objects. Classes are numbered as in TFDS' `clevr`.

    Factors: shape, size, colour, material, 3-D and pixel position, rotation. Generated: 128x128, squeezed to a square,
    with masks, so that attention can be scored against them. Official: 320x480, no masks; the test split tells nothing
    about its objects, so only the background counts as visible there.
    """

    BUILDER_CONFIGS = scene_configs("clevr_properties", official_sizes={}, official_shards=_LET_TFDS_DECIDE)
    DESCRIPTION = ("Three to ten cubes, spheres and cylinders with shape, size, colour, material and position. "
                   "Generated: the whole frame squeezed to 128x128, with masks. Official: CLEVR v1.0, 320x480, no "
                   "masks, in the order of TFDS' own clevr:3.1.0; the properties of the test split are not "
                   "public.")
    HOMEPAGE = "https://cs.stanford.edu/people/jcjohns/clevr/"
    CITATION = """@inproceedings{johnson2017clevr,
  title = {{CLEVR}: A Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning},
  author = {Johnson, Justin and Hariharan, Bharath and van der Maaten, Laurens and Fei-Fei, Li and
            Zitnick, C. Lawrence and Girshick, Ross},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2017}
}"""

    @property
    def factor_features(self):
        """See the class."""
        number = self.scenes.max_objects
        shapes = {"coords_3d": (number, 3), "pixel_coords": (number, 3), "rotation": (number,)}
        return {**self.class_features,
                **{name: tfds.features.Tensor(shape=shape, dtype=np.float32) for name, shape in shapes.items()}}

    @property
    def extras(self):
        """Official: `file_name`, the name of the picture in the release."""
        return {"file_name": tfds.features.Text()} if self.builder_config.source == "official" else {}

    @property
    def official(self):
        """`OfficialClevr`."""
        return OfficialClevr(self.extras)
