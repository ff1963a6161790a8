"""All that a picture shows."""

import dataclasses
import functools

import numpy as np

_MOST_SURFACES = 254  # uint8, less one value for nothing and one for ignored pixels


@dataclasses.dataclass(frozen=True)
class Shading:
    """How surfaces answer light.

    Attributes:
        ambient: float. Light from everywhere; surfaces that face up get all of it, those that face down half.
        mirrors: bool. Whether metal mirrors its surroundings (one bounce).
    """

    ambient: float = 0.38
    mirrors: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """Bodies, planes, lamps and sky.

    Attributes:
        bodies: Tuple of `Body`.
        planes: Tuple of `Plane`; together with the bodies at most 254.
        lights: Tuple of `Light`; the first is the one that mirrored surroundings are lit by.
        shading: `Shading`.
        background: Function from unit directions float32 [M,3] to colours [M,3] in [0,1], or None for black.
        background_id: int. Value of the id map where there is nothing.
        offsets: float32 [4096,3] as of `penumbra_offsets`, or None for hard shadows.

    Raises:
        ValueError: more surfaces than there are ids.
    """

    bodies: tuple
    planes: tuple
    lights: tuple
    shading: Shading = Shading()
    background: object = None
    background_id: int = 0
    offsets: np.ndarray = None

    def __post_init__(self):
        if len(self.surfaces) > _MOST_SURFACES:
            raise ValueError(f"{len(self.surfaces)} planes and bodies; expected at most {_MOST_SURFACES}")

    @functools.cached_property
    def surfaces(self):
        """Tuple: the planes, then the bodies."""
        return (*self.planes, *self.bodies)


def sky_gradient(horizon, zenith):
    """A sky for `World.background`: from one colour (3 floats) at the horizon and below to another overhead."""
    low, high = np.asarray(horizon, np.float32), np.asarray(zenith, np.float32)

    def sky(directions):
        height = np.clip(directions[:, 2:], 0.0, 1.0)
        return low + (high - low) * height

    return sky
