"""Colours of surface points: ambient light, lamps with soft shadows, highlights (Blinn-Phong), one mirror bounce."""

import dataclasses

import numpy as np

from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast.light import TABLE_LENGTH

_METAL_DIFFUSE, _METAL_AMBIENT = 0.3, 0.45
_FRESNEL, _HAZE, _LOBE_EXPONENT = 0.55, 0.06, 60
_LIFT = 1e-3  # shadow and mirror rays start this far above the surface


@dataclasses.dataclass
class Points:
    """Points of one surface, seen along given directions; components are float32 [M] (normals may be floats).

    Attributes:
        surface: `Body` or `Plane`.
        place: World coordinates (triple).
        normal: Unit normals on the seen side (triple).
        ray: Unit directions from the eye to the points (triple).
        sample: int64 [M]. Number of the sub-pixel, which picks the part of the lamp it is lit by.
    """

    surface: object
    place: tuple
    normal: tuple
    ray: tuple
    sample: np.ndarray


def surface_points(surface, place, ray, sample):
    """Completes `Points` with the normals of a body or plane."""
    if hasattr(surface, "shape"):
        normal = surface.normal(surface.unit_points(place))
    else:
        side = np.sign(vectors.dot(surface.normal, ray))
        normal = vectors.scale(surface.normal, -side)
    return Points(surface, place, normal, ray, sample)


def albedo_of(points):
    """Colour of the material, components [3][M]."""
    surface = points.surface
    if hasattr(surface, "shape"):
        local = surface.unit_points(points.place)
    else:
        offset = vectors.subtract(points.place, surface.point)
        local = [vectors.dot(axis, offset) for axis in surface.axes]
        local.append(np.zeros_like(local[0]))
    return tuple(np.asarray(surface.material.albedo(np.stack(local).T), np.float32).T)


def shade(points, world):
    """Light that reaches the eye from surface points.

    Args:
        points: `Points`.
        world: `World`.

    Returns:
        Triple of float32 [M], not clipped.
    """
    material, mirror = points.surface.material, world.shading.mirrors
    albedo = albedo_of(points)
    diffuse, gloss = _lit(points, world, world.lights)
    ambient = world.shading.ambient * (0.75 + 0.25 * points.normal[2])
    if material.metal:
        diffuse, ambient = _METAL_DIFFUSE * diffuse, _METAL_AMBIENT * ambient
    color = [a * (ambient + diffuse) + gloss for a in albedo]
    if material.metal and mirror:
        color = [c + m * (0.2 + 0.8 * a) for c, m, a in zip(color, _mirrored(points, world), albedo)]
    return color


def _lit(points, world, lights, shadows=True):
    """Diffuse irradiance and highlights by lamps: two float32 [M]."""
    material = points.surface.material
    diffuse, gloss = np.zeros(len(points.sample), np.float32), np.zeros(len(points.sample), np.float32)
    for number, light in enumerate(lights):
        to_light = vectors.subtract(light.position, points.place)
        square = vectors.dot(to_light, to_light)
        inverse = 1.0 / np.sqrt(square)
        facing = np.maximum(vectors.dot(points.normal, to_light) * inverse, 0.0)
        power = light.strength(square)
        if light.shadow and shadows:
            power = power * ~shadowed(points, world, light, number)
        diffuse += power * facing
        if material.specular:
            half = vectors.subtract(vectors.scale(to_light, inverse), points.ray)
            cosine = np.maximum(vectors.dot(points.normal, half), 0.0) / np.sqrt(vectors.dot(half, half))
            gloss += material.specular * power * cosine ** material.exponent * (facing > 0.0)
    return diffuse, gloss


def shadowed(points, world, light, number):
    """Whether bodies stand between points and a part of a lamp chosen by the sub-pixel: bool [M]."""
    start = vectors.add(points.place, vectors.scale(points.normal, _LIFT))
    target = light.position
    if world.offsets is not None:
        row = (points.sample * 1021 + number * 1361) % TABLE_LENGTH
        target = vectors.add(target, world.offsets[row].T)
    path = vectors.subtract(target, start)
    length = vectors.dot(path, path)
    dark = np.zeros(len(points.sample), bool)
    for body in world.bodies:
        if body is points.surface and body.shape.convex:
            continue
        offset = vectors.subtract(body.position, start)
        along = vectors.dot(offset, path)
        near = vectors.dot(offset, offset) * length - along * along < (body.radius ** 2) * length
        rays = np.flatnonzero(near & (along > 0.0) & ~dark)
        if len(rays):
            time = body.intersect([c[rays] for c in start], [c[rays] for c in path])
            dark[rays] = time < 1.0
    return dark


def _mirrored(points, world):
    """What metal mirrors, weighted by the Fresnel term: triple of float32 [M]."""
    cosine = -vectors.dot(points.ray, points.normal)
    ray = vectors.add(points.ray, vectors.scale(points.normal, 2.0 * cosine))
    start = vectors.add(points.place, vectors.scale(points.normal, _LIFT))
    depth, hit = _first_hits(points, world, start, ray)
    color = np.empty((3, len(depth)), np.float32)
    color[:] = _surroundings(ray, world, start)
    for index, surface in enumerate((*world.planes, *world.bodies)):
        chosen = np.flatnonzero(hit == index)
        if len(chosen):
            way, time = [c[chosen] for c in ray], depth[chosen]
            place = vectors.add([c[chosen] for c in start], vectors.scale(way, time))
            seen = surface_points(surface, place, way, points.sample[chosen])
            diffuse, _ = _lit(seen, world, world.lights[:1], shadows=False)
            ambient = world.shading.ambient * (0.75 + 0.25 * seen.normal[2])
            fade = np.exp(-_HAZE * time) * (ambient + diffuse)
            color[:, chosen] = [a * fade for a in albedo_of(seen)]
    fresnel = _FRESNEL + (1.0 - _FRESNEL) * np.maximum(1.0 - cosine, 0.0) ** 5
    return color * fresnel


def _surroundings(ray, world, start):
    """Sky and lamps in the direction of rays: float32 [M]."""
    light = 0.06 + 0.10 * np.maximum(ray[2], 0.0)
    for lamp in world.lights:
        to_light = vectors.subtract(lamp.position, start)
        cosine = vectors.dot(ray, to_light) / np.sqrt(vectors.dot(to_light, to_light))
        light += np.maximum(cosine, 0.0) ** _LOBE_EXPONENT
    return light


def _first_hits(points, world, start, ray):
    """Distance and index (planes, then bodies; -1 none) of the nearest surface along rays."""
    depth, hit = np.full(len(points.sample), np.inf, np.float32), np.full(len(points.sample), -1, np.int16)
    for index, plane in enumerate(world.planes):
        offset = vectors.subtract(plane.point, start)
        with np.errstate(divide="ignore", invalid="ignore"):
            time = vectors.dot(plane.normal, offset) / vectors.dot(plane.normal, ray)
            nearer = (time > 0.0) & (time < depth)
            if plane.half_extents is not None:
                for axis, half in zip(plane.axes, plane.half_extents):
                    nearer &= np.abs(time * vectors.dot(axis, ray) - vectors.dot(axis, offset)) <= half
        np.copyto(depth, time, where=nearer)
        hit[nearer] = index
    for index, body in enumerate(world.bodies, start=len(world.planes)):
        if body is points.surface and body.shape.convex:
            continue
        time = body.intersect(start, ray)
        nearer = time < depth
        np.copyto(depth, time, where=nearer)
        hit[nearer] = index
    return depth, hit
