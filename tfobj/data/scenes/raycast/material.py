"""What surfaces look like: the interface of all materials, and the plain colour."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class PlainMaterial:
    """One colour everywhere. Any object with the same attributes and an `albedo` method is a material too.

    Attributes:
        color: Tuple of 3 floats in [0,1].
        specular: float. Strength of the highlights; 0 costs nothing.
        exponent: int or float. Sharpness of the highlights (Blinn-Phong).
        metal: bool. Darkens the diffuse part and mirrors the surroundings if the world's shading has mirrors.
    """

    color: tuple
    specular: float = 0.0
    exponent: float = 10
    metal: bool = False

    def albedo(self, points):
        """Colour at points of the surface.

        Args:
            points: float [M,3] in object coordinates: those of the unit shape for bodies, distances along the plane's
                two axes and 0 for planes.

        Returns:
            float32 [M,3] in [0,1].
        """
        return np.broadcast_to(np.asarray(self.color, np.float32), (len(points), 3))


def rubber(color):
    """The dull material of CLEVR in a colour (3 floats in [0,1])."""
    return PlainMaterial(tuple(color), specular=0.08, exponent=10)


def metal(color):
    """The mirroring material of CLEVR in a colour (3 floats in [0,1])."""
    return PlainMaterial(tuple(color), specular=0.9, exponent=60, metal=True)
