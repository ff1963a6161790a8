"""Room sequences: the camera's track, ids that stay, and what every frame shows."""

import hashlib
import math
import unittest

import numpy as np

from tfobj.data.scenes import generation
from tfobj.data.scenes import objects_room
from tfobj.data.scenes import room_sequences
from tfobj.data.scenes.room_sequences import RoomSequenceScenes


class RoomSequenceScenesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scenes = [RoomSequenceScenes().draw(generation.example_rng(1, "test", index)) for index in range(6)]

    def test_shapes_and_types(self):
        scenes = RoomSequenceScenes()
        self.assertEqual((scenes.num_frames, scenes.max_objects, scenes.image_shape), (16, 3, (64, 64, 3)))
        for scene in self.scenes:
            self.assertEqual((scene["image"].shape, scene["image"].dtype), ((16, 64, 64, 3), np.uint8))
            for name in ("mask", "background"):
                self.assertEqual((scene[name].shape, scene[name].dtype), ((16, 64, 64), np.uint8))
            self.assertEqual((scene["camera"].shape, scene["camera"].dtype), ((16, 2), np.float32))
            encoded = generation.encode_scene(scene)
            self.assertEqual([len(encoded[name]) for name in ("image", "mask", "background")], [16, 16, 16])
            self.assertEqual(encoded["num_objects"], int(scene["visibility"][1:].sum()))

    def test_tracks_have_constant_speeds_within_their_ranges(self):
        rng, speeds, stopped = np.random.default_rng(0), [], 0
        for _ in range(400):
            track = room_sequences.sample_track(rng)
            turn, tilt = np.diff(track, axis=0).T
            np.testing.assert_allclose(turn, turn[0], atol=1e-12)
            clamped = np.isin(track[:, 1], (objects_room.MIN_PITCH, objects_room.MAX_PITCH))
            free = ~clamped[1:]
            np.testing.assert_allclose(tilt[free], tilt[0], atol=1e-12)
            self.assertTrue((np.diff(clamped.astype(int)) >= 0).all())  # once at the end of its range it stays there
            stopped += clamped.any()
            speeds.append([turn[0], tilt[0]])
        np.testing.assert_allclose(np.abs(speeds).max(axis=0), [0.12, math.radians(1.5)], rtol=0.03)
        np.testing.assert_allclose(np.mean(speeds, axis=0), 0.0, atol=0.01)
        self.assertTrue(40 < stopped < 200)

    def test_every_frame_shows_an_object(self):
        for scene in self.scenes:
            pixels = np.stack([np.bincount(mask.reshape(-1), minlength=4)[1:] for mask in scene["mask"]])  # [16,3]
            self.assertGreaterEqual(pixels.max(axis=1).min(), 20)
            np.testing.assert_array_equal(scene["visibility"], [True, *(pixels.max(axis=0) > 0)])

    def test_tracks_that_lose_sight_of_all_objects_are_drawn_again(self):
        rng = np.random.default_rng(1)
        for _ in range(25):
            world, track, _ = RoomSequenceScenes()._sample_view(rng)
            for view in track[::3].tolist() + track[-1:].tolist():
                self.assertGreaterEqual(objects_room.count_pixels(world, objects_room.ring_camera(*view)).max(), 20)

    def test_ids_stay_with_their_objects(self):
        seen = 0
        for scene in self.scenes:
            for view, mask in zip(scene["camera"].tolist(), scene["mask"]):
                camera = objects_room.ring_camera(*view)
                places = camera.project(scene["objects"]["position"], (64, 64))
                for index, (column, row, depth) in enumerate(places):
                    if depth <= 0 or not (0.5 < column < 63.5 and 0.5 < row < 63.5):
                        continue
                    front = mask[int(row), int(column)]  # the object, or a nearer one that hides it
                    self.assertGreater(front, 0)
                    self.assertLess(places[front - 1, 2], depth + 0.75)
                    seen += front == index + 1
        self.assertGreater(seen, 60)

    def test_frames_are_those_of_the_still_pictures(self):
        rng = np.random.default_rng(5)
        world, factors = objects_room.sample_world(rng, 3)
        camera = objects_room.ring_camera(0.5, 0.0)
        image, mask, background = objects_room.render_room(world, camera)
        again = objects_room.render_room(world, objects_room.ring_camera(0.5 + 2 * np.pi, 0.0))
        np.testing.assert_array_equal(mask, again[1])
        self.assertLessEqual(np.abs(image.astype(int) - again[0]).max(), 1)

    def test_golden_example(self):
        scene = RoomSequenceScenes().draw(generation.example_rng(0, "train", 0))
        digest = hashlib.sha256()
        self.assertEqual(set(scene["objects"]), {"shape", "size", "color", "position"})
        factors = (scene["objects"][name] for name in sorted(scene["objects"]))
        for array in (scene["mask"], scene["background"], *factors):
            digest.update(array.tobytes())
        self.assertEqual(digest.hexdigest()[:16], "52d9ccf6db5dbd62")
        np.testing.assert_allclose(scene["camera"][[0, -1]], [[5.647476, -0.365776], [6.353632, -0.436332]], rtol=1e-5)
        coarse = scene["image"][::5, 16::32, 16::32].astype(int)
        np.testing.assert_allclose(coarse.reshape(-1), [
            221, 75, 255, 51, 102, 177, 77, 26, 89, 173, 45, 205, 67, 22, 78, 155, 40, 184, 67,
            22, 78, 171, 45, 203, 134, 55, 185, 160, 42, 190, 173, 45, 205, 170, 44, 201, 60,
            117, 202, 161, 42, 190, 171, 44, 203, 168, 44, 200], atol=1)


if __name__ == "__main__":
    unittest.main()
