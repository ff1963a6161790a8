"""The world of CLEVR, which CLEVRTEX shares: camera, lamps, places of objects, and the rule that objects are visible.

The constants are those of the published generator of CLEVR (Johnson et al. 2017).
"""

import math

import numpy as np

from tfobj.data.scenes import raycast

FRAME = (240, 320)  # height and width of the frame that `pixel_coords` and the visibility rule measure
_TRIES, _GAP, _MARGIN, _REACH = 50, 0.25, 0.4, 3.0
_CAMERA, _CAMERA_JITTER, _LIGHT_JITTER = (7.4811, -6.5076, 5.3437), 0.5, 1.0
_HORIZONTAL_FOV = math.degrees(2.0 * math.atan(16.0 / 35.0))
_LIGHTS = (  # key, fill, back: place, shadow
    ((6.4467, -2.9052, 4.2584), True),
    ((-4.6711, -4.0136, 3.0112), False),
    ((-1.1685, 2.6460, 5.8157), True),
)


def draw_camera(rng):
    """The camera that shows the whole 4:3 frame, facing the origin, its place uniform in a cube of edge length 1."""
    return look_from(rng.uniform(-_CAMERA_JITTER, _CAMERA_JITTER, 3))


def look_from(jitter):
    """The camera that shows the whole 4:3 frame, moved by `jitter` (3 floats) from its base and facing the origin."""
    position = [base + float(offset) for base, offset in zip(_CAMERA, jitter)]
    return raycast.Camera.look_at(position, (0.0, 0.0, 0.0), horizontal_fov=_HORIZONTAL_FOV, aspect=FRAME[1] / FRAME[0])


def draw_lights(rng, strengths):
    """The three lamps, each at a place uniform in a cube of edge length 2.

    Args:
        rng: `numpy.random.Generator`.
        strengths: Three pairs (intensity, reference) of `raycast.Light`: key, fill, which casts no shadows, and back.

    Returns:
        Tuple of three `raycast.Light`.
    """
    jitter = rng.uniform(-_LIGHT_JITTER, _LIGHT_JITTER, (len(_LIGHTS), 3))
    places = [tuple(base + float(offset) for base, offset in zip(place, offsets))
              for (place, _), offsets in zip(_LIGHTS, jitter)]
    return tuple(raycast.Light(place, *strength, shadow)
                 for place, strength, (_, shadow) in zip(places, strengths, _LIGHTS))


def ground_axes(camera):
    """Where right and behind of a picture point on the ground: float64 [2,2], unit (x, y) in rows."""
    axes = np.array([camera.right[:2], camera.forward[:2]])
    return axes / np.sqrt(axes[:, :1] ** 2 + axes[:, 1:] ** 2)


def place(rng, radii, axes):
    """Draws places of objects on the ground.

    Every object gets up to 50 uniform tries in [-3,3]^2. The gap between the bounding circles of two objects must be
    at least 0.25, and along both axes of the picture their centres must be at least 0.4 apart, so that "left of" and
    "behind" are clear.

    Args:
        rng: `numpy.random.Generator`.
        radii: float [n].
        axes: float64 [2,2] as of `ground_axes`.

    Returns:
        float64 [n,2], or None where an object found no place.
    """
    places = np.zeros((len(radii), 2))
    for index, radius in enumerate(radii):
        tries = rng.uniform(-_REACH, _REACH, (_TRIES, 2))
        offsets = tries[:, None] - places[:index]  # [50,index,2]
        x, y = offsets[..., 0], offsets[..., 1]
        good = np.sqrt(x * x + y * y) - radii[:index] - radius >= _GAP
        for axis in axes:
            good &= np.abs(x * axis[0] + y * axis[1]) >= _MARGIN
        fitting = np.flatnonzero(good.all(axis=1))
        if not len(fitting):
            return None
        places[index] = tries[fitting[0]]
    return places


def arrange(rng, number, camera, radii, min_pixels, dress):
    """Draws sizes, places and all else of objects until every object has a place and shows enough pixels.

    A failure starts all objects again, so crowded scenes have slightly more small objects.

    Args:
        rng: `numpy.random.Generator`.
        number: int.
        camera: `raycast.Camera` of the whole frame.
        radii: float [n]. Sizes that are drawn from, uniformly.
        min_pixels: int. Least number of visible pixels of an object in the 240x320 frame.
        dress: Function (sizes int64 [number], places float64 [number,2]) -> (factors, bodies); bodies have the ids
            1..number. It may draw from `rng`.

    Returns:
        Tuple: factors, with float32 instead of float64, and bodies of the accepted objects; int, number of calls of
        `dress`.
    """
    axes, radii, attempts = ground_axes(camera), np.asarray(radii, np.float64), 0
    while True:
        sizes = rng.integers(0, len(radii), number)
        places = place(rng, radii[sizes], axes)
        if places is None:
            continue
        attempts += 1
        factors, bodies = dress(sizes, places)
        if (visible_pixels(bodies, camera) >= min_pixels).all():
            factors = {name: values.astype(np.float32) if values.dtype == np.float64 else values
                       for name, values in factors.items()}
            return factors, bodies, attempts


def visible_pixels(bodies, camera):
    """How many pixels of the 240x320 frame of a camera show each of the bodies, whose ids are 1..n: int64 [n]."""
    ids = raycast.render_ids(raycast.World(bodies, (), ()), camera, FRAME)
    return np.bincount(ids.reshape(-1), minlength=len(bodies) + 1)[1:]
