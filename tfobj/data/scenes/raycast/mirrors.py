"""What metal mirrors: one bounce to planes, bodies, lamps and sky."""

import numpy as np

from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast.points import gather
from tfobj.data.scenes.raycast.points import sort_by_surface
from tfobj.data.scenes.raycast.shadows import meets_ball

_FRESNEL, _HAZE, _LOBE_EXPONENT = 0.55, 0.06, 60


def mirrored(points, rows, world, lit):
    """Light that points mirror towards the eye.

    Args:
        points: `Points`.
        rows: slice. Those that mirror.
        world: `World`.
        lit: Function from `Points` to the light that they scatter, without gloss, float32 [M] to be multiplied with
            the albedo.

    Returns:
        float32 [3,M'].
    """
    incoming, normal, start = points.ray[:, rows], points.normal[:, rows], points.lifted[:, rows]
    cosine = -vectors.dot(incoming, normal)
    ray = incoming + 2.0 * cosine * normal
    depth, hit = _first_hits(points.surfaces, start, ray)
    order, parts = sort_by_surface(points.surfaces, hit)
    color = np.empty_like(ray)
    color[:] = _surroundings(world, start, ray)
    if parts:
        order = order[:parts[-1][1].stop]
        way, time = ray.take(order, axis=1), depth[order]
        seen = gather(points.surfaces, parts, start.take(order, axis=1) + time * way, way)
        color[:, order] = seen.albedo * (lit(seen) * np.exp(-_HAZE * time))
    missing = np.maximum(1.0 - cosine, 0.0)
    square = missing * missing
    fresnel = _FRESNEL + (1.0 - _FRESNEL) * (square * square * missing)
    return color * fresnel * (0.2 + 0.8 * points.albedo[:, rows])


def _surroundings(world, start, ray):
    """Sky and lamps in the direction of rays: float32 [M]."""
    light = 0.06 + 0.10 * np.maximum(ray[2], 0.0)
    for lamp in world.lights:
        to_light = vectors.subtract(lamp.position, start)
        cosine = vectors.dot(ray, to_light) / np.sqrt(vectors.dot(to_light, to_light))
        near = np.flatnonzero(cosine > 0.7)  # 0.7^60 is nothing
        light[near] += cosine[near] ** _LOBE_EXPONENT
    return light


def _first_hits(surfaces, start, ray):
    """Distance and index (-1 for none) of the nearest surface along unit rays."""
    depth, hit = np.full(ray.shape[1], np.inf, np.float32), np.full(ray.shape[1], -1, np.int16)
    for index, surface in enumerate(surfaces):
        if surface.is_plane:
            time = surface.intersect(start, ray)
            nearer = np.flatnonzero(time < depth)
            depth[nearer] = time[nearer]
        else:
            rays = np.flatnonzero(meets_ball(start, ray, surface))
            time = surface.intersect(start.take(rays, axis=1), ray.take(rays, axis=1))
            closer = time < depth[rays]
            nearer = rays[closer]
            depth[nearer] = time[closer]
        hit[nearer] = index
    return depth, hit
