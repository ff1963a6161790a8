"""A material whose colour is a solid pattern."""

import dataclasses

import numpy as np

from tfobj.data.scenes.textures import patterns
from tfobj.data.scenes.textures import unseen_patterns

PATTERNS = {**patterns.FAMILIES, **unseen_patterns.FAMILIES, "grass": patterns.grass}
GROUND_SCALE = 0.45  # the same material is this much larger on grounds, whose coordinates are those of the world
_BLOCK = 4096  # points at once: intermediate results stay in the processor's cache
_PERIODS = 16  # offsets differ by up to this many lattice cells
_CLEARANCE = 0.13  # below 1/6, so that places clear of three planes always exist
_FRACTIONS = (np.arange(128) + 0.5) / 128


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
        exponent: int. Its sharpness (Blinn-Phong).
        metal: bool. Always false: textured surfaces reflect nothing.
        offset: Tuple of three floats. Place in the pattern of the coordinate origin.
    """

    name: str
    family: str
    seed: int
    colors: tuple
    scale: float
    specular: float
    exponent: int
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

        Neither a plane through the coordinate origin across an axis nor a face of the unit cube runs along a joint of
        the pattern: there it would have a single colour.

        Args:
            rng: `numpy.random.Generator`; six numbers are drawn.
            scale: float. Factor on the number of motifs per length.

        Returns:
            `TextureMaterial`.
        """
        scale = self.scale * scale
        offset = rng.integers(0, _PERIODS, 3) + _clear_fractions(scale, rng.random(3))
        return dataclasses.replace(self, scale=scale, offset=tuple(float(value) for value in offset))


def _clear_fractions(scale, uniform):
    """Maps uniform numbers to the fractions f for which f, f + scale and f - scale all keep away from integers."""
    faces = _FRACTIONS + scale * np.array([[0.0], [1.0], [-1.0]])  # [faces,candidates]
    clear = _FRACTIONS[(np.abs(faces - np.round(faces)) > _CLEARANCE).all(axis=0)]
    return clear[(uniform * len(clear)).astype(np.int64)]
