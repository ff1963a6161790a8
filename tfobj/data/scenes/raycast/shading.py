"""Colours of surface points: ambient light, lamps with soft shadows, highlights (Blinn-Phong), mirrors."""

import numpy as np

from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast.mirrors import mirrored

_METAL_DIFFUSE, _METAL_AMBIENT = 0.3, 0.45


def shade(points, world, shadows):
    """Light that reaches the eye from surface points.

    Args:
        points: `Points`.
        world: `World`.
        shadows: `Shadows` of the points.

    Returns:
        float32 [3,M], not clipped.
    """
    groups = points.groups()
    metals = [rows for (metal, _, _), rows in groups if metal]
    ambient = _ambient(points, world)
    diffuse, gloss = np.zeros_like(ambient), np.zeros_like(ambient)
    for number, lamp in enumerate(world.lights):
        irradiance, towards, facing = _lit(points, lamp)
        if lamp.shadow:
            irradiance[shadows.of(number, facing)] = 0.0
        diffuse += irradiance * facing
        for (_, specular, exponent), rows in groups:
            if specular:
                gloss[rows] += specular * _highlight(points, rows, irradiance, towards, exponent)
    for rows in metals:
        diffuse[rows] *= _METAL_DIFFUSE
        ambient[rows] *= _METAL_AMBIENT
    color = points.albedo * (ambient + diffuse) + gloss
    for rows in metals if world.shading.mirrors else ():
        color[:, rows] += mirrored(points, rows, world, lambda seen: _plain_light(seen, world))
    return color


def _plain_light(points, world):
    """Ambient light and that of the first lamp, without shadows: float32 [M]."""
    light = _ambient(points, world)
    for lamp in world.lights[:1]:
        irradiance, _, facing = _lit(points, lamp)
        light += irradiance * facing
    return light


def _ambient(points, world):
    return world.shading.ambient * (0.75 + 0.25 * points.normal[2])


def _lit(points, lamp):
    """One lamp without shadows.

    Returns:
        Tuple: irradiance of a surface that faces the lamp, 0 where the surface faces away, [M]; unit directions to the
        lamp, triple of [M]; cosine to the normal, not negative, [M].
    """
    towards = vectors.subtract(lamp.position, points.place)
    square = vectors.dot(towards, towards)
    towards = vectors.scale(towards, 1.0 / np.sqrt(square))
    facing = np.maximum(vectors.dot(points.normal, towards), 0.0)
    return (facing > 0.0) * lamp.strength(square), towards, facing


def _highlight(points, rows, irradiance, towards, exponent):
    """Blinn-Phong highlight on some of the points: float32 [M']."""
    result = np.zeros(rows.stop - rows.start, np.float32)
    ray, normal = points.ray[:, rows], points.normal[:, rows]
    half = [component[rows] - into for component, into in zip(towards, ray)]
    cosine = np.maximum(vectors.dot(normal, half), 0.0)
    cosine = cosine / np.sqrt(vectors.dot(half, half))
    bright = np.flatnonzero(cosine ** 2 > 0.001 ** (2.0 / exponent))  # the rest is invisible
    result[bright] = irradiance[rows][bright] * cosine[bright] ** exponent
    return result
