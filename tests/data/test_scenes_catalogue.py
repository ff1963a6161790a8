"""What is drawn of every data set: sizes of the splits and the generator's arguments, written out."""

import unittest

from tfobj.data.scenes import catalogue

SIXTY = {"train": 60_000, "validation": 10_000, "test": 10_000}
TWENTY = {"train": 20_000, "validation": 1_000, "test": 1_000}
TEN = {"train": 10_000, "validation": 1_000, "test": 1_000}
# Data set, variant -> class, arguments, sizes.
EXPECTED = {
    ("colored_shapes", ""): ("ColoredShapesScenes", {}, {"train": 8_000, "validation": 500, "test": 1_000}),
    ("tetrominoes", ""): ("TetrominoesScenes", {}, SIXTY),
    ("shapes", ""): ("ShapesScenes", {}, SIXTY),
    ("multi_dsprites", "colored_on_grayscale"): ("MultiDspritesScenes", {"variant": "colored_on_grayscale"}, SIXTY),
    ("multi_dsprites", "binarized"): ("MultiDspritesScenes", {"variant": "binarized"}, SIXTY),
    ("multi_dsprites", "colored_on_colored"): ("MultiDspritesScenes", {"variant": "colored_on_colored"}, SIXTY),
    ("multi_dsprites", "colored_on_colored_levels"): (
        "MultiDspritesScenes", {"variant": "colored_on_colored", "color_levels": 5, "distinct_colors": True}, SIXTY),
    ("clevr_masks", "clevr10"): ("ClevrScenes", {"min_objects": 3, "max_objects": 10}, TWENTY),
    ("clevr_masks", "clevr6"): ("ClevrScenes", {"min_objects": 3, "max_objects": 6}, TWENTY),
    ("clevr_masks", "no_green_spheres"): (
        "ClevrScenes", {"min_objects": 3, "max_objects": 10, "exclude": (("sphere", "green"),)}, TWENTY),
    ("clevr_properties", ""): ("ClevrScenes", {"frame": "full"}, TWENTY),
    ("objects_room", "train"): (
        "ObjectsRoomScenes", {"variant": "train"}, {"train": 60_000, "validation": 2_000, "test": 2_000}),
    ("objects_room", "empty_room"): ("ObjectsRoomScenes", {"variant": "empty_room"}, {"test": 922}),
    ("objects_room", "six_objects"): ("ObjectsRoomScenes", {"variant": "six_objects"}, {"test": 922}),
    ("objects_room", "identical_color"): ("ObjectsRoomScenes", {"variant": "identical_color"}, {"test": 922}),
    ("objects_room", "sequences"): ("RoomSequenceScenes", {}, {"train": 2_000, "validation": 200, "test": 200}),
    ("shapestacks", ""): ("ShapestacksScenes", {}, TWENTY),
    ("shapestacks", "unstable"): ("ShapestacksScenes", {"unstable": True}, TWENTY),
    ("clevrtex", "full"): ("ClevrtexScenes", {"variant": "full"}, TEN),
    ("clevrtex", "outd"): ("ClevrtexScenes", {"variant": "outd"}, {"test": 1_000}),
    ("clevrtex", "camo"): ("ClevrtexScenes", {"variant": "camo"}, {"test": 1_000}),
    ("clevrtex", "pbg"): ("ClevrtexScenes", {"variant": "pbg"}, TEN),
    ("clevrtex", "vbg"): ("ClevrtexScenes", {"variant": "vbg"}, TEN),
    ("clevrtex", "grassbg"): ("ClevrtexScenes", {"variant": "grassbg"}, TEN),
}
# What the generators do without an argument.
DEFAULTS = {
    "ClevrScenes": {"min_objects": 3, "max_objects": 10, "exclude": (), "frame": "window", "size": 128, "samples": 2},
    "ClevrtexScenes": {"variant": "full"},
    "MultiDspritesScenes": {"variant": "colored_on_grayscale", "discrete_scale": False, "antialias": 1,
                            "color_levels": 0, "distinct_colors": False},
    "ObjectsRoomScenes": {"variant": "train"},
    "ShapestacksScenes": {"unstable": False},
}


class CatalogueTest(unittest.TestCase):

    def test_classes_arguments_and_sizes(self):
        found = {(dataset, variant): (drawn.generator.split(":")[1], drawn.arguments, drawn.split_sizes)
                 for dataset, group in catalogue.SETS.items() for variant, drawn in group.items()}
        self.assertEqual(found, EXPECTED)
        self.assertEqual(catalogue.SEED, 0)
        self.assertEqual(catalogue.TINY_SIZES, {"train": 64, "validation": 16, "test": 16})

    def test_generators_have_these_settings(self):
        for (dataset, variant), (name, arguments, _) in EXPECTED.items():
            scenes = catalogue.find(dataset, variant).scenes()
            self.assertEqual(type(scenes).__name__, name)
            for setting, value in {**DEFAULTS.get(name, {}), **arguments}.items():
                self.assertEqual(getattr(scenes, setting), value, f"{dataset}/{variant}: {setting}")


if __name__ == "__main__":
    unittest.main()
