"""The Tetrominoes data set."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data import records
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import OFFICIAL_SIZES
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.scenes import tetrominoes

CITATION = """@misc{multiobjectdatasets19,
  title = {Multi-Object Datasets},
  author = {Kabra, Rishabh and Burgess, Chris and Matthey, Loic and Kaufman, Raphael Lopez and Greff, Klaus and
            Reynolds, Malcolm and Lerchner, Alexander},
  howpublished = {https://github.com/google-deepmind/multi-object-datasets/},
  year = {2019}
}"""


class Tetrominoes(SceneBuilder):
    """Three tetrominoes on black, 35x35. Factors: shape code 1..19, corner (row, column) in pixels, RGB colour 0/1."""

    BUILDER_CONFIGS = scene_configs("tetrominoes", official_sizes=OFFICIAL_SIZES)
    DESCRIPTION = ("Three tetrominoes of bevelled 5x5 blocks on a black 35x35 image. `shape` 1..19 names the fixed "
                   "tetromino, `row` and `column` are the corner of its bounding box, `color` is RGB, zeros and ones.")
    CITATION = CITATION

    @property
    def factor_features(self):
        """See the class."""
        number, shape = tetrominoes.NUM_PIECES, tfds.features.ClassLabel(num_classes=len(tetrominoes.SHAPES))
        return {
            "shape": tfds.features.Sequence(shape, length=number),
            "row": tfds.features.Tensor(shape=(number,), dtype=np.float32),
            "column": tfds.features.Tensor(shape=(number,), dtype=np.float32),
            "color": tfds.features.Tensor(shape=(number, 3), dtype=np.float32),
        }

    @property
    def record_family(self):
        """The released file's row."""
        return records.FAMILIES["tetrominoes"]
