"""CLEVRTEX-like scenes: distributions, geometry, what sets the variants apart, and the first example of each."""

import functools
import hashlib
import unittest

import numpy as np

from tfobj.data.scenes import clevr
from tfobj.data.scenes import clevrtex
from tfobj.data.scenes import placement
from tfobj.data.scenes.clevrtex import ClevrtexScenes
from tfobj.data.scenes.generation import example_rng
from tfobj.errors import UserError

# Of example 0 of each test split: first digits of the SHA-256 of mask and factors; `coarse` image, hexadecimal.
MASKS = {
    "full": "e02af724759e", "outd": "65f0346b6f93", "camo": "7755fa8943b2", "pbg": "e02af724759e",
    "vbg": "ccd2d563e19d", "grassbg": "e02af724759e",
}
FACTORS = {
    "full": "81f13630a9f2", "outd": "f071c6d82e27", "camo": "7de9aad32874", "pbg": "81f13630a9f2",
    "vbg": "f5cd2f273977", "grassbg": "81f13630a9f2",
}
IMAGES = {
    "full": "4943415453514e4946594750675a5c646a5e6463605762406b636587737a9285847674677f7a719f8c919f9194a69e9b",
    "outd": "43533f5161484b604754514262624c8673586b685058433f5868527e907c82789b7c8d79719b657b75968f9d9f9cc98f",
    "camo": "4a41425c4a5354494b54474b5e55545d525367605c745e697a686e8c737f8480766d6f61847a769a8d8d897e7eaf9ea5",
    "pbg": "4a4b4a5159545252525050506164605b6e595e6a625868476a6d6f7c7c7c8287816a7866868686949494859682a1a1a1",
    "vbg": "46403f51423e4c484558474f5e545459425866506d766c405d62528e7380a2858991776e837a74938c85c29488ac9ea2",
    "grassbg": "233e1235502b213e1223411131551c476a3a2f5624375b1c3056212a54163d6c244276212854163d731f51813c478323",
}


@functools.lru_cache(maxsize=None)
def scene(variant, index=0):
    return ClevrtexScenes(variant).draw(example_rng(0, "test", index))


def present(example):
    """The factors of the objects of a scene, without the padding."""
    number = int((example["objects"]["coords_3d"][:, 2] > 0).sum())
    return {name: values[:number] for name, values in example["objects"].items()}


@functools.lru_cache(maxsize=None)
def arrangements(variant, count):
    """Factors, bodies and camera of many scenes, without pictures."""
    found = []
    for index in range(count):
        rng = example_rng(1, "train", index)
        number, camera = int(rng.integers(3, 11)), placement.draw_camera(rng)
        found.append((*ClevrtexScenes(variant)._draw_objects(rng, number, camera, index % 60), camera))
    return found


def together(variant, count, name):
    return np.concatenate([factors[name] for factors, _, _ in arrangements(variant, count)])


def coarse(image):
    """Means of 32x32 pixels, [4,4,3]."""
    return image.reshape(4, 32, 4, 32, 3).mean(axis=(1, 3))


class DistributionTest(unittest.TestCase):

    def test_every_object_shows_more_than_200_pixels_of_the_frame(self):
        for variant, count in (("full", 200), ("outd", 24)):
            pixels = [placement.visible_pixels(bodies, camera) for _, bodies, camera in arrangements(variant, count)]
            self.assertGreater(min(values.min() for values in pixels), 200)

    def test_shapes_and_materials_are_uniform_and_small_objects_slightly_more_frequent(self):
        shapes, sizes, materials = (together("full", 200, name) for name in ("shape", "size", "material"))
        np.testing.assert_allclose(np.bincount(shapes, minlength=4) / len(shapes), 0.25, atol=0.04)
        # 0.358, 0.363, 0.278 of 2,000 scenes: crowded scenes have no place for many large objects.
        np.testing.assert_allclose(np.bincount(sizes) / len(sizes), [0.36, 0.36, 0.28], atol=0.04)
        counts = np.bincount(materials, minlength=60)
        self.assertEqual(len(counts), 60)
        expected = len(materials) / 60
        self.assertLess(((counts - expected) ** 2 / expected).sum(), 98.3)  # 99.9% of chi-squared, 59 degrees
        rotations = together("full", 200, "rotation")
        np.testing.assert_allclose(np.histogram(rotations, 4, (0.0, 360.0))[0] / len(rotations), 0.25, atol=0.04)

    def test_unseen_shapes_sizes_and_materials(self):
        shapes, materials = together("outd", 24, "shape"), together("outd", 24, "material")
        self.assertEqual(set(shapes), {4, 5, 6, 7})
        self.assertTrue(((materials >= 60) & (materials < 85)).all())
        radii = [body.half_extents[0] for _, bodies, _ in arrangements("outd", 24) for body in bodies]
        self.assertEqual(set(radii), {0.6, 0.8, 1.0})

    def test_count_is_that_which_was_drawn_first(self):
        for variant in ("full", "outd"):
            for index in range(4):
                number = int(example_rng(0, "test", index).integers(3, 11))
                self.assertEqual(len(present(scene(variant, index))["shape"]), number)


class GeometryTest(unittest.TestCase):

    def test_objects_rest_on_the_ground(self):
        heights = {"cube": 0.5 ** 0.5, "sphere": 1.0, "cylinder": 1.0, "cone": 1.0, "ring": 0.22, "icosahedron": 0.7947,
                   "capsule": 0.5}
        for variant, count, radii in (("full", 200, (0.4, 0.6, 0.9)), ("outd", 24, (0.6, 0.8, 1.0))):
            shapes, centers = together(variant, count, "shape"), together(variant, count, "coords_3d")
            relative = centers[:, 2] / np.array(radii)[together(variant, count, "size")]
            for shape in set(shapes):
                name, found = clevrtex.SHAPES[shape], relative[shapes == shape]
                if name == "torus":  # radius 0.68 of the ring, tilted by 0.6 to 1.57 radians, and 0.32 of the tube
                    np.testing.assert_allclose([found.min(), found.max()], [0.68 * np.sin(0.6) + 0.32, 1.0], atol=0.02)
                else:
                    np.testing.assert_allclose(found, heights[name], atol=1e-4)

    def test_the_centre_of_a_solid_object_shows_it_or_what_is_in_front(self):
        checked = 0
        for variant in ("full", "outd"):
            for index in range(4):
                example = scene(variant, index)
                factors = present(example)
                column, row = ((factors["pixel_coords"][:, :2] - [64.0, 24.0]) / 1.5).T
                for number in range(len(row)):
                    solid = clevrtex.SHAPES[factors["shape"][number]] not in ("torus", "ring")
                    if solid and 1 < row[number] < 127 and 1 < column[number] < 127:
                        seen = int(example["mask"][int(row[number]), int(column[number])]) - 1
                        self.assertGreaterEqual(seen, 0)
                        self.assertLess(factors["pixel_coords"][seen, 2], factors["pixel_coords"][number, 2] + 0.5)
                        checked += seen == number
        self.assertGreater(checked, 10)

    def test_objects_keep_their_distance(self):
        for factors, _, camera in arrangements("full", 200)[:50]:
            places, radii = factors["coords_3d"][:, :2], np.array((0.4, 0.6, 0.9))[factors["size"]]
            first, second = np.triu_indices(len(radii), 1)
            gaps = np.linalg.norm(places[first] - places[second], axis=1) - radii[first] - radii[second]
            self.assertGreaterEqual(gaps.min(), 0.25 - 1e-5)
            apart = np.abs((places[first] - places[second]) @ placement.ground_axes(camera).T)
            self.assertGreaterEqual(apart.min(), 0.4 - 1e-5)


class VariantTest(unittest.TestCase):

    def test_canonical_keys(self):
        for variant in clevrtex.VARIANTS:
            example, scenes = scene(variant), ClevrtexScenes(variant)
            self.assertEqual((example["image"].shape, example["image"].dtype), (scenes.image_shape, np.uint8))
            self.assertEqual((example["mask"].shape, example["mask"].dtype), ((128, 128), np.uint8))
            self.assertEqual(example["visibility"].shape, (scenes.max_objects + 1,))
            self.assertEqual(set(example["objects"]), set(scenes.factor_names))
            self.assertEqual(example["ground_material"].dtype, np.int64)
            for name, values in example["objects"].items():
                self.assertEqual(len(values), 10, name)
                self.assertIn(values.dtype, (np.int64, np.float32), name)

    def test_materials_of_ground_and_objects(self):
        names = clevrtex.MATERIALS
        self.assertEqual((len(names), len(set(names))), (89, 89))
        for variant in clevrtex.VARIANTS:
            grounds, objects = set(), set()
            for index in range(3):
                example = scene(variant, index)
                grounds.add(names[example["ground_material"]])
                objects |= {names[material] for material in present(example)["material"]}
                if variant == "camo":
                    self.assertEqual(set(present(example)["material"]), {int(example["ground_material"])})
            textures = set(names[60:85] if variant == "outd" else names[:60])
            self.assertLessEqual(grounds, {"pbg": {"gray"}, "grassbg": {"grass"}}.get(variant, textures))
            self.assertLessEqual(objects, {"rubber", "metal"} if variant == "vbg" else textures)

    def test_plain_ground_has_shadows_but_no_colour(self):
        example = scene("pbg", 1)
        ground = example["image"][example["mask"] == 0].astype(np.float64)
        # Edge pixels mix the ground with objects: medians ignore them.
        self.assertLess(np.median(np.ptp(ground, axis=1)), 1.5)
        self.assertLess(np.percentile(ground.mean(axis=1), 2), 0.7 * np.median(ground.mean(axis=1)))

    def test_grass_is_green(self):
        example = scene("grassbg", 1)
        red, green, blue = example["image"][example["mask"] == 0].astype(np.float64).T
        self.assertGreater((green > 1.3 * np.maximum(red, blue)).mean(), 0.9)
        self.assertGreater(green.std(), 15.0)

    def test_plain_objects_have_the_colour_of_their_class(self):
        checked = 0
        for index in range(3):
            example = scene("vbg", index)
            factors = present(example)
            for number, (color, material) in enumerate(zip(factors["color"], factors["material"]), start=1):
                pixels = example["image"][example["mask"] == number].astype(np.float64)
                self.assertIn(clevrtex.MATERIALS[material], ("rubber", "metal"))
                if clevrtex.MATERIALS[material] == "rubber" and len(pixels) > 60:
                    mean, wanted = np.median(pixels, axis=0), np.array(clevr.RGB[color], np.float64)
                    cosine = mean @ wanted / np.sqrt((mean @ mean) * (wanted @ wanted))
                    self.assertGreater(cosine, 0.97)
                    checked += 1
        self.assertGreater(checked, 4)

    def test_camouflaged_objects_have_the_hues_of_the_ground(self):
        def contrast(variant):
            """Mean distance of the hues (share of each channel) of objects from that of the ground."""
            distances = []
            for index in range(4):
                image, mask = scene(variant, index)["image"].astype(np.float64) + 1.0, scene(variant, index)["mask"]
                hues = [(image[mask == number] / image[mask == number].sum(axis=1, keepdims=True)).mean(axis=0)
                        for number in np.unique(mask) if (mask == number).sum() > 40]
                distances += [np.abs(hue - hues[0]).sum() for hue in hues[1:]]
            return np.mean(distances)

        self.assertLess(contrast("camo"), 0.4 * contrast("full"))

    def test_the_same_objects_stand_on_other_grounds(self):
        for variant in ("pbg", "grassbg"):
            np.testing.assert_array_equal(scene(variant, 1)["mask"], scene("full", 1)["mask"])
            np.testing.assert_array_equal(scene(variant, 1)["objects"]["material"],
                                          scene("full", 1)["objects"]["material"])

    def test_unknown_variant_is_one_clear_line(self):
        with self.assertRaisesRegex(UserError, "^variant='noon'; expected one of full, outd, camo, pbg, vbg, grassbg;"):
            ClevrtexScenes("noon")


class FixedExampleTest(unittest.TestCase):

    def test_the_first_example_is_always_the_same(self):
        for variant in clevrtex.VARIANTS:
            example = scene(variant)
            self.assertEqual(hashlib.sha256(example["mask"].tobytes()).hexdigest()[:12], MASKS[variant], variant)
            factors = b"".join(example["objects"][name].tobytes() for name in sorted(example["objects"]))
            self.assertEqual(hashlib.sha256(factors).hexdigest()[:12], FACTORS[variant], variant)
            expected = np.frombuffer(bytes.fromhex(IMAGES[variant]), np.uint8).reshape(4, 4, 3)
            np.testing.assert_allclose(coarse(example["image"]), expected, atol=1.0, err_msg=variant)

    def test_drawing_does_not_depend_on_what_was_drawn_before(self):
        again = ClevrtexScenes("full").draw(example_rng(0, "test", 0))
        np.testing.assert_array_equal(again["image"], scene("full")["image"])
        np.testing.assert_array_equal(again["mask"], scene("full")["mask"])


if __name__ == "__main__":
    unittest.main()
