"""A small set of our own for a first run: two or three saturated shapes on gray, 32x32 pixels."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes import palette
from tfobj.data.scenes.scene import make_scene

SIZE = 32
SHAPES = ("background", "square", "disc", "triangle")
MIN_OBJECTS, MAX_OBJECTS = 2, 3
MIN_RADIUS, MAX_RADIUS = 5.5, 7.5
BACKGROUND = 128
_CANDIDATES = 32
_ROWS, _COLUMNS = np.mgrid[0:SIZE, 0:SIZE] + 0.5  # pixel centres
_SIDES = np.arange(3) * (2.0 * np.pi / 3.0)


def inside_shape(code, down, right, radius, angle):
    """Tests points against a rotated shape whose corners lie on a circle of the given radius.

    Args:
        code: int. 1 square, 2 disc, 3 equilateral triangle.
        down: float array. Distance below the centre in pixels.
        right: float array, same shape. Distance right of the centre.
        radius: float. Bounding circle in pixels.
        angle: float. Rotation in radians.

    Returns:
        bool array, true inside.
    """
    if code == 2:
        return down * down + right * right < radius * radius
    if code == 1:
        cosine, sine = math.cos(angle), math.sin(angle)
        u, v = right * cosine + down * sine, down * cosine - right * sine
        return np.maximum(np.abs(u), np.abs(v)) < radius * np.sqrt(0.5)
    sides = [right * math.cos(angle + side) + down * math.sin(angle + side) for side in _SIDES]
    return np.maximum(np.maximum(sides[0], sides[1]), sides[2]) < 0.5 * radius


def sample_centers(rng, radii):
    """Draws centres so that the bounding circles stay inside the frame and do not overlap.

    Args:
        rng: `numpy.random.Generator`.
        radii: float [n] in pixels.

    Returns:
        float64 [n,2] (row, column) in pixels, uniform over the admissible arrangements.
    """
    first, second = np.triu_indices(len(radii), 1)
    while True:
        centers = radii[:, None] + rng.random((_CANDIDATES, len(radii), 2)) * (SIZE - 2.0 * radii[:, None])
        gaps = ((centers[:, first] - centers[:, second]) ** 2).sum(axis=-1)  # [candidates,pairs]
        accepted = (gaps >= (radii[first] + radii[second]) ** 2).all(axis=-1)
        if accepted.any():
            return centers[np.argmax(accepted)]


@dataclasses.dataclass(frozen=True)
class ColoredShapesScenes:
    """Draws squares, discs and triangles that never touch.

    Count uniform over 2 and 3, radius of the bounding circle uniform in [5.5, 7.5] pixels, shape, rotation and one of
    six colours uniform, all independent. The background is mid-gray and the shapes are large: with a black background
    or smaller shapes a short training finds the objects less reliably. Factors: `shape` int64 1..3, `row`, `column` of
    the centre, `radius` in pixels, `angle` in radians, float32; `color` float32 [3] of zeros and ones.
    """

    image_shape: tuple = (SIZE, SIZE, 3)
    max_objects: int = MAX_OBJECTS

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        number = int(rng.integers(MIN_OBJECTS, MAX_OBJECTS + 1))
        shapes = rng.integers(1, len(SHAPES), number)
        radii, angles = rng.uniform(MIN_RADIUS, MAX_RADIUS, number), rng.uniform(0.0, 2.0 * np.pi, number)
        colors = palette.SATURATED_COLORS[rng.integers(0, len(palette.SATURATED_COLORS), number)]
        centers = sample_centers(rng, radii)
        image, mask = np.full(self.image_shape, BACKGROUND, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
        for index, (row, column) in enumerate(centers):
            inside = inside_shape(shapes[index], _ROWS - row, _COLUMNS - column, radii[index], angles[index])
            image[inside] = palette.to_uint8(colors[index])
            mask[inside] = index + 1
        factors = {"row": centers[:, 0], "column": centers[:, 1], "radius": radii, "angle": angles, "color": colors}
        factors = {name: values.astype(np.float32) for name, values in factors.items()}
        return make_scene(image, mask, self.max_objects, {"shape": shapes, **factors})
