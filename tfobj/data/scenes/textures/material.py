"""A material whose colour is a solid pattern."""

import dataclasses

import numpy as np

from tfobj.data.scenes.textures import patterns
from tfobj.data.scenes.textures import unseen_patterns

PATTERNS = {**patterns.FAMILIES, **unseen_patterns.FAMILIES, "grass": patterns.grass}
GROUND_SCALE = 0.45  # the same material is this much larger on grounds, whose coordinates are those of the world
_BLOCK = 4096  # points at once: intermediate results stay in the processor's cache
_PERIODS = 16  # offsets differ by up to this many lattice cells


@dataclasses.dataclass(frozen=True)
class TextureMaterial:
    """Two colours mixed by a pattern, and how the surface shines.

    Attributes:
        name: str.
        family: str, key of `PATTERNS`.
        seed: int. Of the pattern's noise.
        colors: Tuple of two RGB tuples in [0,1].
        scale: float. Pattern motifs per unit of length.
        specular: float. Strength of the highlight.
        exponent: float. Its sharpness (Blinn-Phong).
        metal: bool. Always false: textured surfaces reflect nothing.
        offset: Tuple of three floats. Place in the pattern of the coordinate origin.
    """

    name: str
    family: str
    seed: int
    colors: tuple
    scale: float
    specular: float
    exponent: float
    metal: bool = False
    offset: tuple = (0.5, 0.5, 0.5)

    def albedo(self, points):
        """Diffuse colours.

        Args:
            points: float [M,3]. Object coordinates of the unit shape, or world coordinates of a ground or wall.

        Returns:
            float32 [M,3] in [0,1].
        """
        colors = np.empty((len(points), 3), np.float32)
        first, second = np.array(self.colors, np.float32)
        offset = np.array(self.offset, np.float32)[:, None]
        for start in range(0, len(points), _BLOCK):
            block = np.array(points[start:start + _BLOCK].T, np.float32, order="C")  # [3,M]
            block *= np.float32(self.scale)
            block += offset
            share = PATTERNS[self.family](block, self.seed)[:, None]  # [M,1]
            colors[start:start + _BLOCK] = first + share * (second - first)
        return colors

    def placed(self, rng, scale=1.0):
        """The material with its pattern at a random place.

        The place is near the middle of a lattice cell, so that a plane through the coordinate origin across an axis
        does not run along a joint of the pattern.

        Args:
            rng: `numpy.random.Generator`.
            scale: float. Factor on the number of motifs per length.

        Returns:
            `TextureMaterial`.
        """
        offset = rng.integers(0, _PERIODS, 3) + rng.uniform(0.3, 0.7, 3)
        return dataclasses.replace(self, scale=self.scale * scale, offset=tuple(float(value) for value in offset))
