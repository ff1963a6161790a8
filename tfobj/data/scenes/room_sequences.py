"""Sequences like those of the appendix of IODINE: a camera turns inside a room with three objects, 16 frames, 64x64."""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes import objects_room
from tfobj.data.scenes import raycast
from tfobj.data.scenes.scene import make_scene

NUM_FRAMES = 16
NUM_OBJECTS = 3
MAX_TURN = 0.12  # radians of azimuth per frame
MAX_TILT = math.radians(1.5)  # radians of pitch per frame
_TRACKS = 40  # camera tracks tried before the room is drawn again


def sample_track(rng):
    """Draws how the camera moves: float64 [16,2], azimuth and pitch in radians.

    It starts anywhere on the ring at any pitch and keeps its two speeds, but the pitch stops at the ends of its range.
    """
    start = rng.uniform((0.0, objects_room.MIN_PITCH), (2.0 * np.pi, objects_room.MAX_PITCH))
    speed = rng.uniform((-MAX_TURN, -MAX_TILT), (MAX_TURN, MAX_TILT))
    track = start + np.arange(NUM_FRAMES)[:, None] * speed
    track[:, 1] = np.clip(track[:, 1], objects_room.MIN_PITCH, objects_room.MAX_PITCH)
    return track


def _cameras(track):
    return [objects_room.ring_camera(*view) for view in track.tolist()]


def _shows_objects(world, camera):
    return (objects_room.count_pixels(world, camera) >= objects_room.MIN_PIXELS).any()


@dataclasses.dataclass(frozen=True)
class RoomSequenceScenes:
    """Draws a room of `ObjectsRoomScenes("train")` as seen by a camera that moves along the ring.

    Azimuth speed uniform in [-0.12, 0.12] radians and pitch speed in [-1.5, 1.5] degrees per frame, both constant; in
    every frame at least one object has 20 visible pixels. The number of an object is the same in all frames, and it
    has visibility true if any frame shows it.

    A scene holds `image` uint8 [16,64,64,3], `mask` and `background` uint8 [16,64,64] (see `ObjectsRoomScenes`; the
    left-most visible wall may be another one in another frame), `camera` float32 [16,2]: azimuth, which may leave
    [0, 2 pi), and pitch, both in radians; `visibility` bool [4]; `objects` with the factors of `ObjectsRoomScenes`,
    which do not change.
    """

    image_shape = objects_room.ObjectsRoomScenes.image_shape
    max_objects = NUM_OBJECTS
    num_frames = NUM_FRAMES

    def draw(self, rng):
        """One sequence from `rng`."""
        world, track, factors = self._sample_view(rng)
        world = dataclasses.replace(world, offsets=raycast.penumbra_offsets(rng))
        frames = [objects_room.render_room(world, camera) for camera in _cameras(track)]
        image, mask, background = (np.stack(pictures) for pictures in zip(*frames))
        scene = make_scene(image, mask, self.max_objects, factors)
        return {**scene, "background": background, "camera": track.astype(np.float32)}

    def _sample_view(self, rng):
        """A room and a track that always sees an object: world, track, factors."""
        while True:
            world, factors = objects_room.sample_world(rng, NUM_OBJECTS)
            for _ in range(_TRACKS):
                track = sample_track(rng)
                if all(_shows_objects(world, camera) for camera in _cameras(track)):
                    return world, track, factors
