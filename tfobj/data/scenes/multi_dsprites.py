"""Scenes like those of Multi-dSprites: overlapping squares, ellipses and hearts, 64x64 pixels."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes import palette
from tfobj.data.scenes.scene import make_scene

SIZE = 64
SHAPES = ("background", "square", "ellipse", "heart")
RADIUS = 11.5  # pixels of a sprite of scale 1
MARGIN, SPAN = 12.0, 40.0  # centre in pixels = MARGIN + SPAN * position: sprites stay almost inside
_REACH = 1.1  # no unit shape extends further from its centre


@dataclasses.dataclass(frozen=True)
class Variant:
    """Counts and channels of one released variant.

    Attributes:
        channels: int. 1 or 3.
        min_objects: int.
        max_objects: int. Counts are uniform in between.
    """

    channels: int
    min_objects: int
    max_objects: int


VARIANTS = {
    "colored_on_grayscale": Variant(3, 2, 5),
    "binarized": Variant(1, 2, 3),
    "colored_on_colored": Variant(3, 1, 4),
}


def inside_shape(code, u, v):
    """Tests points against a unit shape.

    Args:
        code: int. 1 square, 2 ellipse, 3 heart.
        u: float array. Coordinate to the right in the sprite's frame; the shape's radius is about 1.
        v: float array, same shape. Coordinate downwards.

    Returns:
        bool array, true inside.
    """
    if code == 1:
        return np.maximum(np.abs(u), np.abs(v)) < 0.72
    if code == 2:
        v = v / 0.56
        return u * u + v * v < 1.0
    x, y = 1.25 * u, 0.12 - 1.25 * v
    bulge = x * x + y * y - 1.0
    return bulge * bulge * bulge - x * x * y * y * y < 0.0


def _window(center, samples):
    """Range of the samples that a sprite may touch along one axis, clipped to the frame: (first, last + 1)."""
    first, last = int((center - RADIUS * _REACH) * samples), int((center + RADIUS * _REACH) * samples)
    return max(first, 0), min(last + 1, SIZE * samples)


def _rasterise(code, x, y, scale, orientation, samples=1):
    """Samples inside a sprite, `samples` per pixel and axis: (row slice, column slice), bool [h,w] of that window."""
    center_x, center_y = MARGIN + SPAN * x, MARGIN + SPAN * y
    (top, bottom), (left, right) = _window(center_y, samples), _window(center_x, samples)
    radius, cosine, sine = RADIUS * scale, math.cos(orientation), math.sin(orientation)
    right_of = ((np.arange(left, right) + 0.5) / samples - center_x) / radius  # [w]
    below = (((np.arange(top, bottom) + 0.5) / samples - center_y) / radius)[:, None]  # [h,1]
    inside = inside_shape(code, right_of * cosine + below * sine, below * cosine - right_of * sine)
    return np.s_[top:bottom, left:right], inside


def _box_average(image, samples):
    """Averages squares of samples: uint8 [H*samples,W*samples,C] -> [H,W,C], halves rounded up."""
    number = samples * samples
    total = np.full((image.shape[0] // samples, image.shape[1] // samples, image.shape[2]), number // 2, np.uint32)
    for row in range(samples):
        for column in range(samples):
            total += image[row::samples, column::samples]
    return (total // number).astype(np.uint8)


def _repeated(colors):
    """Which scenes have two entities that look the same: [count,E,C] in [0,1] -> bool [count]."""
    colors = palette.to_uint8(colors)
    first, second = np.triu_indices(colors.shape[1], 1)
    return (colors[:, first] == colors[:, second]).all(axis=-1).any(axis=1)


@dataclasses.dataclass(frozen=True)
class MultiDspritesScenes:
    """Draws scenes of one variant; later sprites cover earlier ones, edges are hard.

    Scale is uniform in [0.5, 1], orientation in [0, 2 pi), x and y in [0, 1], shape over three, the count over the
    variant's range. Factors: `shape` int64 1..3, `x` (to the right), `y` (down), `scale`, `orientation` float32,
    `color` float32 [C]. A sprite that later ones cover entirely keeps its factors and has visibility false.

    Attributes:
        variant: str, key of `VARIANTS`. binarized: white on black, one channel; colored_on_grayscale: saturated hues on
            a uniform gray; colored_on_colored: uniform RGB for sprites and background.
        discrete_scale: bool. Draws the scale from 0.5, 0.6, ..., 1.0, as in dSprites.
        antialias: int. Samples per pixel and axis: above 1 the image is the average of a grid of samples, so edges are
            soft; the mask is that of one sample next to the pixel's centre and stays hard.
        color_levels: int. Of colored_on_colored: values per channel, evenly spaced over 0..255 and rounded down; 5
            gives 0, 63, 127, 191, 255 as in GENESIS (Engelcke et al. 2020). 0: continuous.
        distinct_colors: bool. Draws again until no two of background and sprites have the same colour.

    Raises:
        ValueError: a setting that the variant cannot have.
    """

    variant: str = "colored_on_grayscale"
    discrete_scale: bool = False
    antialias: int = 1
    color_levels: int = 0
    distinct_colors: bool = False

    def __post_init__(self):
        if self.antialias < 1:
            raise ValueError(f"antialias={self.antialias} samples per pixel; give 1 or more")
        if self.color_levels and self.variant != "colored_on_colored":
            raise ValueError(f"color_levels={self.color_levels} is for colored_on_colored, not for {self.variant}")
        if self.color_levels == 1 or self.color_levels < 0:
            raise ValueError(f"color_levels={self.color_levels}; give 0 (continuous) or at least 2")
        if self.distinct_colors and self.variant == "binarized":
            raise ValueError("distinct_colors=True, but the sprites of binarized are all white")

    @property
    def image_shape(self):
        """Tuple (64, 64, C)."""
        return SIZE, SIZE, VARIANTS[self.variant].channels

    @property
    def max_objects(self):
        """int, the largest count of the variant."""
        return VARIANTS[self.variant].max_objects

    def sample_factors(self, rng, count):
        """Draws the factors of `count` scenes.

        Args:
            rng: `numpy.random.Generator`.
            count: int.

        Returns:
            dict: `num_objects` int64 [count], `background` float64 [count,C], `shape` int64 [count,N], `scale`,
            `orientation`, `x`, `y` float64 [count,N], `color` float64 [count,N,C]. Rows from `num_objects` on are
            surplus.
        """
        size, variant = (count, self.max_objects), VARIANTS[self.variant]
        factors = {
            "num_objects": rng.integers(variant.min_objects, variant.max_objects + 1, count),
            "shape": rng.integers(1, len(SHAPES), size),
            "scale": rng.integers(5, 11, size) / 10.0 if self.discrete_scale else rng.uniform(0.5, 1.0, size),
            "orientation": rng.uniform(0.0, 2.0 * np.pi, size),
            "x": rng.uniform(0.0, 1.0, size),
            "y": rng.uniform(0.0, 1.0, size),
        }
        colors = self._sample_colors(rng, size)
        while self.distinct_colors:
            again = _repeated(np.concatenate([colors["background"][:, None], colors["color"]], axis=1))
            if not again.any():
                break
            for name, values in self._sample_colors(rng, (int(again.sum()), size[1])).items():
                colors[name][again] = values
        return {**factors, **colors}

    def _sample_colors(self, rng, size):
        if self.variant == "binarized":
            return {"color": np.ones(size + (1,)), "background": np.zeros((size[0], 1))}
        if self.variant == "colored_on_grayscale":
            background = np.repeat(rng.uniform(0.0, 1.0, (size[0], 1)), 3, axis=1)
            return {"color": palette.hue_to_rgb(rng.uniform(0.0, 1.0, size)), "background": background}
        return {"color": self._sample_rgb(rng, size + (3,)), "background": self._sample_rgb(rng, (size[0], 3))}

    def _sample_rgb(self, rng, size):
        if not self.color_levels:
            return rng.uniform(0.0, 1.0, size)
        return np.floor(rng.integers(0, self.color_levels, size) * 255.0 / (self.color_levels - 1)) / 255.0

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        factors = {name: values[0] for name, values in self.sample_factors(rng, 1).items()}
        number, background = factors.pop("num_objects"), factors.pop("background")
        size, colors = SIZE * self.antialias, palette.to_uint8(factors["color"])
        image, mask = np.empty((size, size, colors.shape[1]), np.uint8), np.zeros((size, size), np.uint8)
        image[:] = palette.to_uint8(background)
        for index in range(number):
            pose = (float(factors[name][index]) for name in ("x", "y", "scale", "orientation"))
            window, inside = _rasterise(factors["shape"][index], *pose, self.antialias)
            image[window][inside] = colors[index]
            mask[window][inside] = index + 1
        if self.antialias > 1:
            center = self.antialias // 2
            image, mask = _box_average(image, self.antialias), mask[center::self.antialias, center::self.antialias]
        factors = {name: values[:number] if name == "shape" else values[:number].astype(np.float32)
                   for name, values in factors.items()}
        return make_scene(image, mask, self.max_objects, factors)
