"""CLEVR-like scenes: a stored scene, shares of the factors, the rules of the original generator."""

import functools
import hashlib
import pathlib
import subprocess
import sys
import unittest

import numpy as np

from tfobj.data.scenes import clevr
from tfobj.data.scenes import generation
from tfobj.data.scenes import placement
from tfobj.data.scenes.clevr import ClevrScenes
from tfobj.errors import UserError

GOLDEN = pathlib.Path(__file__).parent / "files" / "clevr_scene.npz"  # example 15 of seed 0, 32x32


@functools.cache
def drawn(number=150):
    """Scenes at low resolution: list of dict."""
    scenes = ClevrScenes(size=16, samples=1)
    return [scenes.draw(generation.example_rng(1, "train", index)) for index in range(number)]


def present(scene):
    """The factors of the objects of a scene, without padding."""
    number = int((scene["objects"]["coords_3d"][:, 2] > 0).sum())
    return {name: values[:number] for name, values in scene["objects"].items()}


def pooled(name):
    return np.concatenate([present(scene)[name] for scene in drawn()])


def camera_of(index):
    """The camera of one of the scenes of `drawn`."""
    rng = generation.example_rng(1, "train", index)
    rng.integers(3, 11)
    return placement.draw_camera(rng)


class ClevrScenesTest(unittest.TestCase):

    def test_a_stored_scene_is_drawn_again(self):
        scene, stored = ClevrScenes(size=32).draw(generation.example_rng(0, "train", 15)), np.load(GOLDEN)
        np.testing.assert_array_equal(scene["mask"], stored["mask"])
        np.testing.assert_array_equal(scene["visibility"], stored["visibility"])
        self.assertEqual(set(scene["objects"]), set(stored.files) - {"mask", "visibility", "image"})
        for name, values in scene["objects"].items():
            self.assertEqual(values.dtype, stored[name].dtype, name)
            np.testing.assert_array_equal(values, stored[name], name)
        difference = np.abs(scene["image"].astype(int) - stored["image"])
        self.assertLessEqual(difference.max(), 1)

    def test_another_process_draws_the_same_scene(self):
        code = ("import hashlib; from tfobj.data.scenes import generation; "
                "from tfobj.data.scenes.clevr import ClevrScenes; "
                "scene = ClevrScenes(size=64).draw(generation.example_rng(3, 'test', 8)); "
                "print(hashlib.sha256(scene['image'].tobytes() + scene['mask'].tobytes()).hexdigest())")
        alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        *_, scene = (ClevrScenes(size=64).draw(generation.example_rng(3, "test", index)) for index in (6, 7, 8))
        here = hashlib.sha256(scene["image"].tobytes() + scene["mask"].tobytes()).hexdigest()
        self.assertEqual(alone, here)

    def test_shapes_and_types(self):
        scene = ClevrScenes(size=24).draw(np.random.default_rng(0))
        self.assertEqual((scene["image"].shape, scene["mask"].shape), ((24, 24, 3), (24, 24)))
        self.assertEqual(scene["visibility"].shape, (11,))
        kinds = {name: (values.shape, values.dtype.name) for name, values in scene["objects"].items()}
        numbers = {name: ((10,), "int64") for name in ("shape", "size", "color", "material")}
        self.assertEqual(kinds, {**numbers, "rotation": ((10,), "float32"), "coords_3d": ((10, 3), "float32"),
                                 "pixel_coords": ((10, 3), "float32")})

    def test_counts_and_properties_are_uniform(self):
        counts = np.bincount([len(present(scene)["shape"]) for scene in drawn()], minlength=11)
        self.assertEqual((counts[:3].sum(), len(counts)), (0, 11))
        np.testing.assert_allclose(counts[3:] / len(drawn()), 1 / 8, atol=0.085)  # 3 standard deviations
        for name, classes in (("shape", clevr.SHAPES), ("color", clevr.COLORS), ("material", clevr.MATERIALS)):
            shares = np.bincount(pooled(name), minlength=len(classes)) / len(pooled(name))
            np.testing.assert_allclose(shares, 1 / len(classes), atol=0.05, err_msg=name)
        self.assertAlmostEqual(pooled("size").mean(), 0.477, delta=0.05)  # crowded scenes have fewer large objects
        self.assertAlmostEqual(pooled("rotation").mean(), 180.0, delta=10.0)

    def test_ranges_and_heights(self):
        places, rotation = pooled("coords_3d"), pooled("rotation")
        self.assertTrue(2.9 < np.abs(places[:, :2]).max() <= 3.0)
        self.assertTrue(rotation.min() >= 0.0 and 355.0 < rotation.max() < 360.0)
        radii = np.where(pooled("size") == 1, 0.7, 0.35)
        heights = np.where(pooled("shape") == 0, radii / np.sqrt(2.0), radii)
        np.testing.assert_allclose(places[:, 2], heights, rtol=1e-6)

    def test_gaps_between_objects(self):
        gap, margin = np.inf, np.inf
        for index, scene in enumerate(drawn()):
            factors, axes = present(scene), placement.ground_axes(camera_of(index))
            offsets = factors["coords_3d"][:, None, :2] - factors["coords_3d"][:, :2]  # [n,n,2]
            radii = np.array(clevr.RADII)[factors["size"]]
            pairs = ~np.eye(len(radii), dtype=bool)
            gap = min(gap, (np.hypot(*np.moveaxis(offsets, -1, 0)) - radii[:, None] - radii)[pairs].min())
            margin = min(margin, np.abs(offsets[pairs] @ axes.T).min())
        self.assertTrue(0.25 - 1e-6 <= gap < 0.26, gap)
        self.assertTrue(0.4 - 1e-6 <= margin < 0.41, margin)

    def test_the_directions_of_the_picture_lie_on_the_ground(self):
        camera = placement.look_from((0.0, 0.0, 0.0))
        right, behind = placement.ground_axes(camera)
        steps = [(0, 0, 0), (*right, 0), (*behind, 0)]
        origin, rightwards, backwards = camera.project(steps, placement.FRAME)
        np.testing.assert_allclose(origin[:2], (160.0, 120.0), atol=1e-9)
        self.assertGreater(rightwards[0], 180.0)
        np.testing.assert_allclose(rightwards[1:], origin[1:], atol=1e-9)
        self.assertTrue(backwards[1] < 115.0 and backwards[2] > origin[2])
        self.assertAlmostEqual(backwards[0], 160.0)

    def test_every_object_shows_200_pixels_of_the_full_frame(self):
        rng, least, attempts = np.random.default_rng(4), [], {}
        for number in (3, 6, 8, 10):
            attempts[number] = []
            for _ in range(12):
                camera = placement.draw_camera(rng)
                factors, bodies, tries = ClevrScenes().draw_objects(rng, number, camera)
                self.assertEqual(len(bodies), number)
                least.append(placement.visible_pixels(bodies, camera).min())
                attempts[number].append(tries)
        self.assertTrue(200 <= min(least) < 230, min(least))
        self.assertTrue(all(np.median(tries) <= 2 for tries in attempts.values()), attempts)
        self.assertGreater(max(max(tries) for tries in attempts.values()), 1)

    def test_centres_are_where_pixel_coords_say(self):
        # The centre of a convex body lies inside its outline, so only a nearer object can be seen there.
        for frame, size, offset, scale in (("window", 192, (64, 29), (1.0, 1.0)),
                                           ("full", 128, (0, 0), (128 / 320, 128 / 240))):
            seen = 0
            for index in range(8):
                scene = ClevrScenes(frame=frame, size=size, samples=1).draw(generation.example_rng(0, "test", index))
                depth = scene["objects"]["pixel_coords"][:, 2]
                for number, (column, row, distance) in enumerate(present(scene)["pixel_coords"], start=1):
                    column, row = int((column - offset[0]) * scale[0]), int((row - offset[1]) * scale[1])
                    if 0 <= column < size and 0 <= row < size:
                        value = scene["mask"][row, column]
                        self.assertTrue(value == number or 0 < depth[value - 1] < distance, (index, number, value))
                        seen += value == number
            self.assertGreater(seen, 30)

    def test_the_whole_frame_shows_every_object(self):
        for index in range(8):
            scene = ClevrScenes(frame="full", size=64, samples=1).draw(generation.example_rng(0, "train", index))
            self.assertEqual(scene["visibility"].sum() - 1, len(present(scene)["shape"]))

    def test_colours_are_those_of_the_factors(self):
        scenes = ClevrScenes(frame="full", size=64)
        for index in range(6):
            scene = scenes.draw(generation.example_rng(2, "train", index))
            for number, color in enumerate(present(scene)["color"], start=1):
                mean = scene["image"][scene["mask"] == number].mean(axis=0)
                if clevr.COLORS[color] == "gray":
                    self.assertLess(np.ptp(mean), 0.15 * mean.mean(), (index, number))
                else:
                    self.assertGreater(np.corrcoef(mean, clevr.RGB[color])[0, 1], 0.9, (index, number))

    def test_equal_bounds_give_that_many_objects(self):
        for number in (0, 1, 6):
            scenes = ClevrScenes(number, number, size=8, samples=1)
            self.assertEqual(scenes.max_objects, number)
            for seed in range(5):
                scene = scenes.draw(np.random.default_rng(seed))
                self.assertEqual(len(present(scene)["shape"]), number)
                self.assertEqual(scene["visibility"].shape, (number + 1,))

    def test_excluded_pairs_do_not_occur_and_the_others_stay_uniform(self):
        scenes, rng = ClevrScenes(exclude=(("sphere", "green"), ("cube", "red"))), np.random.default_rng(0)
        factors = scenes._draw_factors(rng, rng.integers(0, 2, 20_000), np.zeros((20_000, 2)), camera_of(0))
        table = np.zeros((3, 8))
        np.add.at(table, (factors["shape"], factors["color"]), 1 / 20_000)
        expected = np.full((3, 8), 1 / 22)
        expected[1, clevr.COLORS.index("green")] = expected[0, clevr.COLORS.index("red")] = 0.0
        np.testing.assert_allclose(table, expected, atol=0.006)
        np.testing.assert_array_equal(table == 0, expected == 0)
        material = np.corrcoef(factors["shape"], factors["material"])[0, 1]
        self.assertLess(abs(material), 0.03)

    def test_refuses_what_makes_no_sense(self):
        everything = tuple((shape, color) for shape in clevr.SHAPES for color in clevr.COLORS)
        for changes, message in (({"min_objects": 5, "max_objects": 4}, "min_objects=5, max_objects=4"),
                                 ({"max_objects": 11}, "max_objects=11"),
                                 ({"frame": "centre"}, "frame='centre'"),
                                 ({"exclude": (("ball", "green"),)}, "'ball'"),
                                 ({"exclude": (("sphere",),)}, "sphere"),
                                 ({"exclude": everything}, "every pair")):
            with self.assertRaisesRegex(UserError, message):
                ClevrScenes(**changes)

    def test_an_object_without_room_gives_no_places(self):
        axes = placement.ground_axes(camera_of(0))
        self.assertIsNone(placement.place(np.random.default_rng(0), np.array([4.0, 4.0]), axes))
        self.assertEqual(placement.place(np.random.default_rng(0), np.array([0.3, 0.3]), axes).shape, (2, 2))


if __name__ == "__main__":
    unittest.main()
