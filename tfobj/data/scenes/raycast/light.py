"""Lamps."""

import dataclasses

import numpy as np

TABLE_LENGTH = 4096  # a power of two, so that any number finds its row by a bit mask
_QUADRUPLE = np.array([[1, 1, 1], [-1, -1, 1], [1, -1, -1], [-1, 1, -1]])


@dataclasses.dataclass(frozen=True)
class Light:
    """A point light.

    Attributes:
        position: Tuple of 3 floats.
        intensity: float. Irradiance of a surface that faces the lamp, where the falloff is 1.
        reference: float or None. The falloff at distance d is reference / (20 + d^2); None: 1 everywhere, as from a
            lamp far away.
        shadow: bool. Whether bodies shade it; a lamp that casts no shadows costs little.
    """

    position: tuple
    intensity: float
    reference: float = 80.0
    shadow: bool = True

    def strength(self, squared_distance):
        """Irradiance of a facing surface at a squared distance (float or array)."""
        if self.reference is None:
            return self.intensity
        return (self.intensity * self.reference) / (squared_distance + 20.0)


def penumbra_offsets(rng, std=0.175):
    """The table of places within a lamp from which shadow rays come: soft shadows.

    Four successive rows, which the 2x2 sub-pixels of a pixel use, lie on opposite sides of the lamp, so that the
    edges of the shadows are less grainy than with independent places.

    Args:
        rng: `numpy.random.Generator`.
        std: float. Size of the lamp; each coordinate of an offset is normal with this deviation.

    Returns:
        float32 [4096,3] for `World.offsets`.
    """
    offsets = rng.standard_normal((TABLE_LENGTH // 4, 1, 3)) * std * _QUADRUPLE  # [1024,4,3]
    return offsets.reshape(TABLE_LENGTH, 3).astype(np.float32)


def table_rows(height, width, samples):
    """The row of the table that each sub-pixel uses.

    Args:
        height: int. Sub-pixels, a multiple of `samples`.
        width: int.
        samples: int s. The s x s sub-pixels of a pixel use successive rows, starting at a multiple of four.

    Returns:
        int64 [height*width].
    """
    row, column = np.arange(height), np.arange(width)
    # Any mixture of row and column does in which neighbours start at unrelated rows.
    start = (row // samples * 40503)[:, None] ^ (column // samples * 33797)
    start = (start * 11291 >> 6) * 4
    within = (row % samples * samples)[:, None] + column % samples
    return ((start + within) & (TABLE_LENGTH - 1)).reshape(-1)
