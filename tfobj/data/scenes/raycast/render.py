"""Pictures and id maps of a world."""

import numpy as np

from tfobj.data.scenes.raycast import shading
from tfobj.data.scenes.raycast import vectors
from tfobj.data.scenes.raycast import visibility


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
    x, y = camera.tangents(size, samples)
    view = visibility.look(world, camera, x, y)
    color = _colors(world, camera, view)
    height, width = size
    image = color.reshape(3, height, samples, width, samples).mean(axis=(2, 4))
    image = np.floor(np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(image.transpose(1, 2, 0)), _ids(world, view)[samples // 2::samples, samples // 2::samples]


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
    view = visibility.look(world, camera, x[samples // 2::samples], y[samples // 2::samples])
    return _ids(world, view)


def _pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def _ids(world, view):
    table = np.array([surface.id for surface in visibility.surfaces(world)] + [world.background_id], np.uint8)
    return table[view.surface]


def _colors(world, camera, view):
    """Colours of all sub-pixels, float32 [3,h*w]."""
    color = np.zeros((3, view.depth.size), np.float32)
    surface, depth = view.surface.reshape(-1), view.depth.reshape(-1).astype(np.float32)
    x, y = view.x.astype(np.float32), view.y.astype(np.float32)
    for index, seen in enumerate((*visibility.surfaces(world), None), start=0):
        index = -1 if seen is None else index
        sample = np.flatnonzero(surface == index)
        if not len(sample):
            continue
        row, column = np.divmod(sample, len(x))
        ray = tuple(f + x[column] * r + y[row] * d
                    for f, r, d in zip(camera.forward, camera.right, camera.down))
        unit = vectors.scale(ray, 1.0 / np.sqrt(vectors.dot(ray, ray)))
        if seen is None:
            if world.background is not None:
                color[:, sample] = np.asarray(world.background(np.stack(unit).T), np.float32).T
            continue
        place = vectors.add(camera.position, vectors.scale(ray, depth[sample]))
        color[:, sample] = shading.shade(shading.surface_points(seen, place, unit, sample), world)
    return color
