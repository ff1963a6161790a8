"""The table of textured materials.

The rows come from a constant through an integer hash, so they are the same everywhere. `VERSION` is part of what
examples mean: a change of a row, a pattern or the noise makes other images of the same seeds and needs another version.
"""

import colorsys

from tfobj.data.scenes.textures import patterns
from tfobj.data.scenes.textures import unseen_patterns
from tfobj.data.scenes.textures.material import TextureMaterial
from tfobj.data.scenes.textures.noise import hash_unit

VERSION = 1
_TABLE_SEED = 20231
PER_FAMILY = 5
_MIN_CONTRAST = 0.22  # least difference of luminance of the two colours, so that the pattern shows
_LUMINANCE = (0.299, 0.587, 0.114)


def _color(row, attempt, which):
    """HSV-random: hue uniform, saturation uniform in [0.1,0.85], value uniform in [0.2,0.95]."""
    hue, saturation, value = (hash_unit(_TABLE_SEED, row, attempt, which, channel) for channel in range(3))
    return colorsys.hsv_to_rgb(hue, 0.1 + 0.75 * saturation, 0.2 + 0.75 * value)


def _colors(row):
    """The first pair of random colours with enough contrast."""
    attempt = 0
    while True:
        pair = _color(row, attempt, 0), _color(row, attempt, 1)
        first, second = (sum(weight * part for weight, part in zip(_LUMINANCE, color)) for color in pair)
        if abs(first - second) >= _MIN_CONTRAST:
            return pair
        attempt += 1


def _material(row, family, number):
    scale, specular, exponent = (hash_unit(_TABLE_SEED, row, channel) for channel in range(3))
    return TextureMaterial(name=f"{family}_{number}", family=family, seed=1000 + 16 * row, colors=_colors(row),
                           scale=1.4 + 1.8 * scale, specular=0.02 + 0.38 * specular, exponent=8 + int(32 * exponent))


def _materials(families, first_row):
    names = [(family, number) for family in families for number in range(1, PER_FAMILY + 1)]
    return tuple(_material(first_row + row, *name) for row, name in enumerate(names))


STANDARD = _materials(patterns.FAMILIES, 0)
UNSEEN = _materials(unseen_patterns.FAMILIES, len(STANDARD))
GRASS = TextureMaterial(name="grass", family="grass", seed=5, colors=((0.08, 0.22, 0.05), (0.35, 0.58, 0.16)),
                        scale=3.0, specular=0.02, exponent=8)
