"""The five families of solid patterns of the out-of-distribution scenes; see `patterns` for the convention."""

import numpy as np

from tfobj.data.scenes.textures.noise import fractal_noise
from tfobj.data.scenes.textures.noise import lattice_noise
from tfobj.data.scenes.textures.noise import worley
from tfobj.data.scenes.textures.waves import square
from tfobj.data.scenes.textures.waves import step
from tfobj.data.scenes.textures.waves import triangle

_HALF = np.float32(0.5)


def zigzag(points, seed):
    """Stripes that bend back and forth at right angles."""
    del seed
    x, y, z = points
    return square(np.float32(0.75) * (y + z) + np.float32(0.6) * triangle(x * np.float32(0.6)))


def rings(points, seed):
    """Shells around random points, up to the middle between neighbours."""
    nearest, _ = worley(points * np.float32(0.5), seed)
    return square(nearest * np.float32(4.5))


def camouflage(points, seed):
    """Patches of three tones: fractal noise cut at two levels."""
    noise = fractal_noise(points * np.float32(0.8), seed, octaves=2)
    return _HALF * (step(noise, -0.13, 0.06) + step(noise, 0.17, 0.06))


def grain(points, seed):
    """Fine streaks: noise stretched six times along one axis."""
    stretched = points * np.array([[0.5], [3.0], [2.2]], np.float32)
    share = _HALF + np.float32(0.9) * fractal_noise(stretched, seed, octaves=2)
    return np.clip(share, np.float32(0.0), np.float32(1.0))


def swirls(points, seed):
    """Clouds stirred like ink: noise that displaces noise."""
    drift = lattice_noise(points * np.float32(0.6), seed + 7)
    noise = fractal_noise(points * np.float32(0.8) + np.float32(1.6) * drift, seed, octaves=2)
    return np.clip(_HALF + noise, np.float32(0.0), np.float32(1.0))


FAMILIES = {function.__name__: function for function in (zigzag, rings, camouflage, grain, swirls)}
