"""Pictures and id maps of a world."""

import numpy as np

from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast import visibility
from tfobj.data.scenes.raycast.light import table_rows
from tfobj.data.scenes.raycast.points import gather
from tfobj.data.scenes.raycast.points import sort_by_surface
from tfobj.data.scenes.raycast.shading import shade
from tfobj.data.scenes.raycast.shadows import Shadows


def render(world, camera, size, samples=2):
    """Renders a picture and its id map.

    Args:
        world: `World`.
        camera: `Camera`. Its picture is stretched to `size`.
        size: Pair (height, width), or int for a square.
        samples: int s. Every pixel is the mean of s x s sub-pixels.

    Returns:
        Tuple: image uint8 [height,width,3]; ids uint8 [height,width], the id at the sub-pixel (s//2, s//2) of each
        pixel, never blended.
    """
    size = _pair(size)
    view = visibility.look(world, camera, *camera.tangents(size, samples))
    image = _box_mean(_colors(world, camera, view, samples), samples)
    image = np.floor(np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    center = np.s_[samples // 2::samples]
    return np.ascontiguousarray(image.transpose(1, 2, 0)), _ids(world, view.surface[center, center])


def render_ids(world, camera, size, samples=1):
    """The id map alone, many times faster; for equal `samples` the same as of `render`.

    Args:
        world: `World`; only bodies and planes matter.
        camera: `Camera`.
        size: Pair (height, width), or int for a square.
        samples: int s.

    Returns:
        uint8 [height,width].
    """
    x, y = camera.tangents(_pair(size), samples)
    center = np.s_[samples // 2::samples]
    return _ids(world, visibility.look(world, camera, x[center], y[center]).surface)


def _pair(size):
    return (int(size),) * 2 if np.ndim(size) == 0 else tuple(size)


def _ids(world, surface):
    table = np.array([thing.id for thing in world.surfaces] + [world.background_id], np.uint8)
    return table[surface]


def _box_mean(color, samples):
    """Averages sub-pixels in a fixed order: [3,h*s,w*s] -> [3,h,w]."""
    if samples == 1:
        return color
    rows = sum(color[:, start::samples] for start in range(samples))
    return sum(rows[..., start::samples] for start in range(samples)) * np.float32(1.0 / samples ** 2)


def _colors(world, camera, view, samples):
    """Colours of all sub-pixels, float32 [3,h*s,w*s]."""
    height, width = view.surface.shape
    sample, parts = sort_by_surface(world.surfaces, view.surface.reshape(-1))
    number = parts[-1][1].stop if parts else 0
    ray = np.stack(visibility.directions(camera, vectors.IDENTITY, view.x, view.y)).astype(np.float32)
    ray = ray.reshape(3, -1).take(sample, axis=1)
    unit = ray / np.sqrt(vectors.dot(ray, ray))
    color = np.zeros((3, height * width), np.float32)
    if parts:
        sample_of_points, depth = sample[:number], view.depth.reshape(-1)[sample[:number]].astype(np.float32)
        place = ray[:, :number] * depth + np.array(camera.position, np.float32)[:, None]
        points = gather(world.surfaces, parts, place, unit[:, :number])
        rows = table_rows(height, width, samples)[sample_of_points]
        shadows = Shadows(world, camera, view, points, sample_of_points, rows)
        color[:, sample_of_points] = shade(points, world, shadows)
    if number < len(sample) and world.background is not None:
        color[:, sample[number:]] = np.asarray(world.background(unit[:, number:].T)).T
    return color.reshape(3, height, width)
