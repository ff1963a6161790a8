"""The ClevrTex data sets."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders import clevrtex_files
from tfobj.data.builders.official_clevrtex import OfficialClevrtex
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.scenes import clevrtex

_SIZES = {"train": 10_000, "validation": 1_000, "test": 1_000}
_TEST_SETS = ("outd", "camo")
_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


def _configs(variant):
    sizes = {"test": _SIZES["test"]} if variant in _TEST_SETS else _SIZES
    return scene_configs(sizes, variant, official_sizes={}, official_shards=_LET_TFDS_DECIDE)


class Clevrtex(SceneBuilder):
    """Three to ten textured objects on textured ground. Factors: shape, size, material, two positions, rotation.

    Generated: 128x128, procedural textures; shape, size, material, ground material and (vbg) colour are classes.
    Official: 240x320; these are texts as in the release, "" beyond the objects of a scene, because no list of the
    materials belongs to the release; colour is there for all variants but means something in vbg only.
    """

    BUILDER_CONFIGS = [config for variant in clevrtex.VARIANTS for config in _configs(variant)]
    DESCRIPTION = ("Three to ten textured objects on textured ground (full); unseen shapes, sizes and textures (outd); "
                   "one texture for everything (camo); plain ground (pbg); plain objects (vbg); grass (grassbg). "
                   "Official: by number, the first tenth is test, the second validation; outd is all test.")
    HOMEPAGE = "https://www.robots.ox.ac.uk/~vgg/data/clevrtex"
    CITATION = """@inproceedings{karazija2021clevrtex,
  title = {{ClevrTex}: A Texture-Rich Benchmark for Unsupervised Multi-Object Segmentation},
  author = {Karazija, Laurynas and Laina, Iro and Rupprecht, Christian},
  booktitle = {Neural Information Processing Systems, Datasets and Benchmarks Track},
  year = {2021}
}"""

    @property
    def scenes(self):
        """`ClevrtexScenes` of the configuration's variant."""
        return clevrtex.ClevrtexScenes(self.builder_config.variant)

    @property
    def factor_features(self):
        """See the class."""
        number = clevrtex_files.MAX_OBJECTS
        shapes = {"rotation": (number,), "coords_3d": (number, 3), "pixel_coords": (number, 3)}
        numbers = {name: tfds.features.Tensor(shape=shape, dtype=np.float32) for name, shape in shapes.items()}
        names = {name: tfds.features.Sequence(self._name(values), length=number)
                 for name, values in (("shape", clevrtex.SHAPES), ("size", clevrtex.SIZES),
                                      ("material", clevrtex.MATERIALS), ("color", clevrtex.COLORS))}
        if self.builder_config.source != "official" and "color" not in self.scenes.factor_names:
            del names["color"]
        return {**names, **numbers}

    @property
    def extras(self):
        """See the class."""
        return {"ground_material": self._name(clevrtex.MATERIALS)}

    @property
    def official(self):
        """`OfficialClevrtex` of the configuration's variant."""
        return OfficialClevrtex(self.builder_config.variant, self.extras)

    def _name(self, values):
        """Feature of a name: a class of `values` if generated, else a text."""
        official = self.builder_config.source == "official"
        return tfds.features.Text() if official else tfds.features.ClassLabel(names=values)
