"""Scenes like those of Objects Room: coloured objects in a walled room under the sky, 64x64 pixels."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes import palette
from tfobj.data.scenes import raycast
from tfobj.data.scenes.scene import make_scene

SIZE = 64
SHAPES = ("background", "sphere", "cube", "cylinder", "cone", "icosahedron")
SKY, FLOOR, LEFT_WALL, OTHER_WALL, OBJECT = 0, 1, 2, 3, 255  # values of the `background` map
ROOM, WALL_HEIGHT = 4.0, 2.1  # half width of the floor; height of the walls
REACH = 1.9  # centres of objects lie in [-REACH, REACH]^2
MIN_RADIUS, MAX_RADIUS = 0.35, 0.75
RING, EYE = 3.6, 1.25  # radius and height of the ring on which the camera stands
MIN_PITCH, MAX_PITCH = math.radians(-25.0), math.radians(22.0)
FIELD_OF_VIEW = 50.0  # degrees
MIN_PIXELS = 20  # an object with fewer does not count as seen
SAMPLES = 2
_NUM_HUES = 10
_CAMERAS = 40  # views tried before the room is drawn again
_PLACES = 50  # places tried for an object before all are drawn again
_SKY_COLORS = (0.60, 0.78, 0.95), (0.25, 0.45, 0.80)  # horizon, zenith
_AMBIENT = 0.42
_FILL = raycast.Light((2.0, -3.0, 3.0), 0.15, reference=None, shadow=False)
_UNIT_SHAPES = (None, raycast.Sphere(), raycast.Box(), raycast.Cylinder(), raycast.Cone(), raycast.icosahedron())
_HALF_EXTENT = (0.0, 1.0, math.sqrt(0.5), 1.0, 1.0, 1.0)  # per radius, so that all shapes stand within their disc
_WALLS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))  # from the centre to each wall
# Values in the rendered id map, above those of the objects.
_SKY_ID, _FLOOR_ID, _WALL_ID = 200, 201, 202


@dataclasses.dataclass(frozen=True)
class Variant:
    """Counts of one released set.

    Attributes:
        min_objects: int.
        max_objects: int. Counts are uniform in between.
        all_seen: bool. Whether every object must be seen, or only one.
        one_color: bool. Whether the objects share their colour.
    """

    min_objects: int
    max_objects: int
    all_seen: bool = False
    one_color: bool = False


VARIANTS = {
    "train": Variant(3, 3),
    "empty_room": Variant(0, 0),
    "six_objects": Variant(6, 6, all_seen=True),
    "identical_color": Variant(4, 6, all_seen=True, one_color=True),
}


def sample_colors(rng, number):
    """Draws colours: hue one of ten, saturation in [0.7, 1], value in [0.75, 1], float64 [number,3]."""
    hue = rng.integers(0, _NUM_HUES, number) / _NUM_HUES
    saturation, value = rng.uniform(0.7, 1.0, (number, 1)), rng.uniform(0.75, 1.0, (number, 1))
    return value * (1.0 - saturation * (1.0 - palette.hue_to_rgb(hue)))


def sample_discs(rng, number):
    """Draws discs that do not intersect.

    Args:
        rng: `numpy.random.Generator`.
        number: int.

    Returns:
        Tuple: radii float64 [number], uniform; centres float64 [number,2], each uniform over what those before leave.
    """
    radii = rng.uniform(MIN_RADIUS, MAX_RADIUS, number)
    while True:
        centers = np.empty((0, 2))
        for index in range(number):
            places = rng.uniform(-REACH, REACH, (_PLACES, 2))
            gaps = ((places[:, None] - centers) ** 2).sum(axis=-1)  # [places,objects so far]
            free = (gaps >= (radii[index] + radii[:index]) ** 2).all(axis=1)
            if not free.any():
                break
            centers = np.concatenate([centers, places[None, np.argmax(free)]])
        if len(centers) == number:
            return radii, centers


def sample_world(rng, number, one_color=False):
    """Draws a room with objects.

    Args:
        rng: `numpy.random.Generator`.
        number: int. Count of objects.
        one_color: bool. Whether the objects share their colour.

    Returns:
        Tuple: `raycast.World` without penumbra; dict of factors as of `ObjectsRoomScenes`, one row per object.
    """
    floor_color, wall_color = sample_colors(rng, 2)
    shapes, yaws = rng.integers(1, len(SHAPES), number), rng.uniform(0.0, 2.0 * np.pi, number)
    colors = np.repeat(sample_colors(rng, 1), number, axis=0) if one_color else sample_colors(rng, number)
    radii, centers = sample_discs(rng, number)
    bodies = tuple(_standing(*values) for values in zip(range(1, number + 1), shapes, radii, centers, yaws, colors))
    lamp = raycast.Light((*rng.uniform(-1.0, 1.0, 2), 6.0), 0.55, reference=None)
    world = raycast.World(bodies, _planes(floor_color, wall_color), (lamp, _FILL), raycast.Shading(_AMBIENT),
                          raycast.sky_gradient(*_SKY_COLORS), _SKY_ID)
    positions = np.array([body.position for body in bodies], np.float32).reshape(number, 3)
    return world, {"shape": shapes, "size": radii.astype(np.float32), "color": colors.astype(np.float32),
                   "position": positions}


def _standing(index, code, radius, center, yaw, color):
    """The body of one object, standing on the floor."""
    body = raycast.Body(_UNIT_SHAPES[code], (0.0, 0.0, 0.0), radius * _HALF_EXTENT[code],
                        raycast.PlainMaterial(tuple(color)), index, raycast.rotation(2, yaw))
    return dataclasses.replace(body, position=(*center, body.support((0.0, 0.0, -1.0))))


def _planes(floor_color, wall_color):
    """Floor and walls. They overlap outside the room, where nobody looks, so that no crack shows at the edges."""
    floor, wall = raycast.PlainMaterial(tuple(floor_color)), raycast.PlainMaterial(tuple(wall_color))
    planes = [raycast.floor(floor, id=_FLOOR_ID)]
    for index, (x, y, _) in enumerate(_WALLS):
        planes.append(raycast.Plane((x * ROOM, y * ROOM, 0.0), (-x, -y, 0.0), wall, _WALL_ID + index, axis=(-y, x, 0.0),
                                    half_extents=(ROOM + 0.1, WALL_HEIGHT)))
    return tuple(planes)


def ring_camera(azimuth, pitch):
    """The camera on the ring, facing the room's axis.

    Args:
        azimuth: float. Radians, where on the ring it stands.
        pitch: float. Radians, upwards.

    Returns:
        `raycast.Camera`.
    """
    x, y = math.cos(azimuth), math.sin(azimuth)
    position = (RING * x, RING * y, EYE)
    ahead = (-x * math.cos(pitch), -y * math.cos(pitch), math.sin(pitch))
    target = tuple(place + step for place, step in zip(position, ahead))
    return raycast.Camera.look_at(position, target, vertical_fov=FIELD_OF_VIEW)


def count_pixels(world, camera):
    """Visible pixels of every object, int64 [number of objects]."""
    bodies = dataclasses.replace(world, planes=())  # inside the room nothing but objects hides objects
    ids = raycast.render_ids(bodies, camera, SIZE, SAMPLES)
    return np.bincount(ids.reshape(-1), minlength=256)[1:len(world.bodies) + 1]


def render_room(world, camera):
    """Renders a room.

    Args:
        world: As of `sample_world`.
        camera: As of `ring_camera`.

    Returns:
        Tuple: image uint8 [64,64,3]; mask uint8 [64,64], 0 for sky, floor and walls; background uint8 [64,64], 0 sky,
        1 floor, 2 left-most visible wall, 3 the other one, 255 where an object is.
    """
    image, ids = raycast.render(world, camera, SIZE, SAMPLES)
    table = np.full(256, OBJECT, np.uint8)
    table[[_SKY_ID, _FLOOR_ID]] = SKY, FLOOR
    seen = [index for index in range(len(_WALLS)) if (ids == _WALL_ID + index).any()]
    seen.sort(key=lambda index: sum(a * b for a, b in zip(camera.right, _WALLS[index])))
    for rank, index in enumerate(seen):
        table[_WALL_ID + index] = LEFT_WALL if rank == 0 else OTHER_WALL
    return image, np.where(ids < _SKY_ID, ids, 0).astype(np.uint8), table[ids]


@dataclasses.dataclass(frozen=True)
class ObjectsRoomScenes:
    """Draws a room with objects, seen by a camera that stands near the wall and faces the middle.

    Shapes uniform over five, radius uniform in [0.35, 0.75], places uniform where the discs around the objects do not
    intersect, rotation about the vertical uniform; colours of objects, floor and walls as of `sample_colors`; azimuth
    uniform, pitch uniform in [-25, 22] degrees. A view is drawn again until at least one object, in `six_objects` and
    `identical_color` all of them, has 20 visible pixels.

    Besides the canonical keys a scene holds `background` uint8 [64,64]: 0 sky, 1 floor, 2 left-most visible wall, 3 the
    other visible wall if there is one, 255 where an object hides what is behind; mask and background together are the
    entity planes of the release, but here the numbers never shift if a wall is out of sight. Factors: `shape` int64
    1..5, `size` float32 radius of the disc, `color` float32 [3] in [0,1], `position` float32 [3] of the middle, the
    floor being z = 0 and the walls at x, y = +-4.

    Attributes:
        variant: str, key of `VARIANTS`. train: three objects; empty_room: none; six_objects; identical_color: four to
            six of one colour.
    """

    variant: str = "train"
    image_shape = (SIZE, SIZE, 3)

    @property
    def max_objects(self):
        """int, the largest count of the variant."""
        return VARIANTS[self.variant].max_objects

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        world, camera, factors = self._sample_view(rng)
        world = dataclasses.replace(world, offsets=raycast.penumbra_offsets(rng))
        image, mask, background = render_room(world, camera)
        return {**make_scene(image, mask, self.max_objects, factors), "background": background}

    def _sample_view(self, rng):
        """A room and a camera that sees enough of it: world, camera, factors."""
        variant = VARIANTS[self.variant]
        number = int(rng.integers(variant.min_objects, variant.max_objects + 1))
        needed = number if variant.all_seen else min(number, 1)
        while True:
            world, factors = sample_world(rng, number, variant.one_color)
            for _ in range(_CAMERAS):
                camera = ring_camera(rng.uniform(0.0, 2.0 * np.pi), rng.uniform(MIN_PITCH, MAX_PITCH))
                if (count_pixels(world, camera) >= MIN_PIXELS).sum() >= needed:
                    return world, camera, factors
