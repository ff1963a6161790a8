"""The ClevrTex data sets."""

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders import clevrtex_files
from tfobj.data.builders.official_clevrtex import OfficialClevrtex
from tfobj.data.builders.scene_builder import SceneBuilder
from tfobj.data.builders.scene_config import scene_configs
from tfobj.data.scenes import clevrtex

_NAMES = ("shape", "size", "material", "color")
_LET_TFDS_DECIDE = 0  # files of at most 1 GiB


class Clevrtex(SceneBuilder):
    """Three to ten textured objects on textured ground. Factors: shape, size, material, two positions, rotation.

    Generated: 128x128, procedural textures; shape, size, material, ground material and (vbg) colour are classes.
    Official: 240x320; these are texts, "" beyond the objects of a scene, because no list of the materials belongs to
    the release. Shapes, sizes and colours are written as there; materials, also the ground's, in lower case, and the
    one that the release misnames (`poliigonfabricupholsterybrightanglepattern001`) by its right name,
    `poliigonfabricupholsterymidcenturypebbles001`. Colour is there for all variants but means something in vbg only.
    """

    BUILDER_CONFIGS = [config for variant in clevrtex.VARIANTS
                       for config in scene_configs("clevrtex", variant, {}, _LET_TFDS_DECIDE)]
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
    def factor_features(self):
        """See the class."""
        number = clevrtex_files.MAX_OBJECTS
        shapes = {"rotation": (number,), "coords_3d": (number, 3), "pixel_coords": (number, 3)}
        numbers = {name: tfds.features.Tensor(shape=shape, dtype=np.float32) for name, shape in shapes.items()}
        if self.builder_config.source != "official":
            return {**self.class_features, **numbers}
        return {**{name: tfds.features.Sequence(tfds.features.Text(), length=number) for name in _NAMES}, **numbers}

    @property
    def extras(self):
        """See the class."""
        official = self.builder_config.source == "official"
        material = tfds.features.Text() if official else tfds.features.ClassLabel(names=clevrtex.MATERIALS)
        return {"ground_material": material}

    @property
    def official(self):
        """`OfficialClevrtex` of the configuration's variant."""
        return OfficialClevrtex(self.builder_config.variant, self.extras)
