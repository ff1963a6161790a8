"""Lamps."""

import dataclasses

import numpy as np

TABLE_LENGTH = 4099  # a prime, so that no row of sub-pixels meets the same offsets in the same order


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

    Args:
        rng: `numpy.random.Generator`.
        std: float. Size of the lamp; the offsets are normal.

    Returns:
        float32 [4099,3] for `World.offsets`.
    """
    return (rng.standard_normal((TABLE_LENGTH, 3)) * std).astype(np.float32)
