"""Scenes like those of ShapeStacks: a tower of blocks in a textured room, 64x64 pixels."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes import raycast
from tfobj.data.scenes import towers
from tfobj.data.scenes.scene import make_scene
from tfobj.data.scenes.textures.table import STANDARD

SIZE = 64
SHAPES = towers.SHAPES
COLORS = ("background", "red", "green", "blue", "yellow", "cyan", "magenta")
RGB = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1))
SAMPLES = 2
SPREAD = 2.0  # the tower stands in [-SPREAD, SPREAD]^2
WALL = 10.0  # distance of the walls from the middle of the room
# The release renders 224 pixels at 45 degrees and the papers keep the 196 in the middle.
FIELD_OF_VIEW = 2.0 * math.degrees(math.atan(196 / 224 * math.tan(math.radians(45.0 / 2.0))))
_FLOOR_SCALE, _WALL_SCALE = 0.25, 0.12
_LAMPS = ((0.0, 0.0), (9.0, 9.0), (-9.0, 9.0), (9.0, -9.0), (-9.0, -9.0))
_LAMP_HEIGHT, _LAMP_INTENSITY, _AMBIENT = 20.0, 0.45, 0.45
_HEADLIGHT = 0.25  # a second lamp at the camera: those above leave the sides of the blocks dark
# Cameras of the quarter x, y > 0: place, side from which they look (degrees from the x axis) and elevation in degrees.
# The other quarters mirror them.
_VIEWS = (((7.0, 7.0, 5.0), 45.0, -15.0), ((9.0, 2.0, 5.0), 15.0, -15.0), ((2.0, 9.0, 5.0), 75.0, -15.0),
          ((5.0, 5.0, 9.0), 45.0, -45.0))
_QUARTERS = ((-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0))
_UNIT_SHAPES = (None, raycast.Box(), raycast.Cylinder(), raycast.Cylinder(), raycast.Sphere())


def _camera(quarter, place, azimuth, elevation):
    azimuth, elevation = math.radians(azimuth), math.radians(elevation)
    ahead = (-math.cos(azimuth) * math.cos(elevation), -math.sin(azimuth) * math.cos(elevation), math.sin(elevation))
    signs = (*quarter, 1.0)
    position = tuple(sign * value for sign, value in zip(signs, place))
    target = tuple(value + sign * step for value, sign, step in zip(position, signs, ahead))
    return raycast.Camera.look_at(position, target, vertical_fov=FIELD_OF_VIEW)


CAMERAS = tuple(_camera(quarter, *view) for view in _VIEWS for quarter in _QUARTERS)


def sample_colors(rng, number):
    """Draws colour codes: all different with probability 1/2, else independent; int64 [number], 1..6."""
    if rng.random() < 0.5:
        return rng.permutation(len(COLORS) - 1)[:number] + 1
    return rng.integers(1, len(COLORS), number)


def _bodies(tower, colors):
    """The blocks of a tower as bodies with ids from 1."""
    bodies = []
    blocks = zip(tower.shapes, tower.sizes, tower.yaws, tower.positions)
    for index, (shape, size, yaw, position) in enumerate(blocks):
        turn, half = raycast.rotation(2, yaw), size / 2.0
        if shape == towers.LYING_CYLINDER:
            turn, half = raycast.compose(turn, raycast.rotation(1, math.pi / 2.0)), half[::-1]
        material = raycast.PlainMaterial(RGB[colors[index]])
        bodies.append(raycast.Body(_UNIT_SHAPES[shape], position, half, material, index + 1, turn))
    return tuple(bodies)


def _planes(rng, camera):
    """Floor, and the two walls that the camera faces."""
    floor, wall = (STANDARD[rng.integers(len(STANDARD))].placed(rng, scale) for scale in (_FLOOR_SCALE, _WALL_SCALE))
    x, y = (-math.copysign(1.0, value) for value in camera.position[:2])
    return (raycast.floor(floor),
            raycast.Plane((x * WALL, 0.0, 0.0), (-x, 0.0, 0.0), wall, axis=(0.0, 1.0, 0.0)),
            raycast.Plane((0.0, y * WALL, 0.0), (0.0, -y, 0.0), wall, axis=(1.0, 0.0, 0.0)))


@dataclasses.dataclass(frozen=True)
class ShapestacksScenes:
    """Draws a tower (see `towers.sample_tower`) in a room with a textured floor and textured walls.

    The tower stands anywhere in [-2, 2]^2; one of the 16 cameras of the release and one of five lamps are chosen
    uniformly; a second, weaker lamp without shadows is at the camera. The floor has no end, and of the walls only the
    two that the camera faces are there. The picture is the middle 196 of 224 pixels that the papers use, drawn at
    64x64. Objects are numbered from the floor up; floor and walls are background.

    Besides the canonical keys a scene holds `stable`, bool. Factors: `shape` int64 code of `SHAPES`, `color` int64 code
    of `COLORS`, `size` float32 [3], edges of the box around the block before its rotation (see `towers.Tower`),
    `position` float32 [3] of its middle, the floor being z = 0. A block that is hidden or out of the frame keeps its
    factors and has visibility false.

    Attributes:
        unstable: bool. Whether the towers are about to fall.
    """

    unstable: bool = False
    image_shape = (SIZE, SIZE, 3)
    max_objects = towers.MAX_HEIGHT

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        tower = towers.sample_tower(rng, self.unstable)
        tower.positions[:, :2] += rng.uniform(-SPREAD, SPREAD, 2)
        colors, camera = sample_colors(rng, len(tower.shapes)), CAMERAS[rng.integers(len(CAMERAS))]
        lamp = (*_LAMPS[rng.integers(len(_LAMPS))], _LAMP_HEIGHT)
        lights = (raycast.Light(lamp, _LAMP_INTENSITY, reference=None),
                  raycast.Light(camera.position, _HEADLIGHT, reference=None, shadow=False))
        world = raycast.World(_bodies(tower, colors), _planes(rng, camera), lights, raycast.Shading(_AMBIENT),
                              offsets=raycast.penumbra_offsets(rng))
        image, mask = raycast.render(world, camera, SIZE, SAMPLES)
        factors = {"shape": tower.shapes, "color": colors, "size": tower.sizes.astype(np.float32),
                   "position": tower.positions.astype(np.float32)}
        return {**make_scene(image, mask, self.max_objects, factors), "stable": not self.unstable}
