"""The table of the released record files against the known facts."""

import unittest

from tfobj.data import records

FLOAT, BYTE = "float", "byte"
# Typed out, so that no change of the table under test goes unnoticed: folder, file, axis of the entities in the mask,
# background's planes, records; what a record holds.
SPRITES = {"x": FLOAT, "y": FLOAT, "shape": FLOAT, "visibility": FLOAT, "orientation": FLOAT, "scale": FLOAT}
RELEASED = {
    "tetrominoes": ("tetrominoes", "tetrominoes_train.tfrecords", 0, 1, 1_000_000, {
        "image": ((35, 35, 3), BYTE), "mask": ((4, 35, 35, 1), BYTE), "x": ((4,), FLOAT), "y": ((4,), FLOAT),
        "shape": ((4,), FLOAT), "visibility": ((4,), FLOAT), "color": ((4, 3), FLOAT)}),
    "multi_dsprites/binarized": ("multi_dsprites", "multi_dsprites_binarized.tfrecords", 2, 1, 1_000_000, {
        "image": ((64, 64, 1), BYTE), "mask": ((64, 64, 4, 1), BYTE), "color": ((4, 1), FLOAT),
        **{name: ((4,), kind) for name, kind in SPRITES.items()}}),
    "multi_dsprites/colored_on_grayscale": (
        "multi_dsprites", "multi_dsprites_colored_on_grayscale.tfrecords", 2, 1, 1_000_000, {
            "image": ((64, 64, 3), BYTE), "mask": ((64, 64, 6, 1), BYTE), "color": ((6, 3), FLOAT),
            **{name: ((6,), kind) for name, kind in SPRITES.items()}}),
    "multi_dsprites/colored_on_colored": (
        "multi_dsprites", "multi_dsprites_colored_on_colored.tfrecords", 2, 1, 1_000_000, {
            "image": ((64, 64, 3), BYTE), "mask": ((64, 64, 5, 1), BYTE), "color": ((5, 3), FLOAT),
            **{name: ((5,), kind) for name, kind in SPRITES.items()}}),
    "clevr_masks/clevr10": ("clevr_with_masks", "clevr_with_masks_train.tfrecords", 0, 1, 100_000, {
        "image": ((240, 320, 3), BYTE), "mask": ((11, 240, 320, 1), BYTE), "x": ((11,), FLOAT), "y": ((11,), FLOAT),
        "z": ((11,), FLOAT), "rotation": ((11,), FLOAT), "visibility": ((11,), FLOAT),
        "pixel_coords": ((11, 3), FLOAT), "size": ((11,), BYTE), "material": ((11,), BYTE), "shape": ((11,), BYTE),
        "color": ((11,), BYTE)}),
    "objects_room/train": ("objects_room", "objects_room_train.tfrecords", 0, 4, 1_000_000, {
        "image": ((64, 64, 3), BYTE), "mask": ((7, 64, 64, 1), BYTE)}),
    "objects_room/six_objects": ("objects_room", "objects_room_test_six_objects.tfrecords", 0, 4, 922, {
        "image": ((64, 64, 3), BYTE), "mask": ((10, 64, 64, 1), BYTE)}),
    "objects_room/empty_room": ("objects_room", "objects_room_test_empty_room.tfrecords", 0, 4, 922, {
        "image": ((64, 64, 3), BYTE), "mask": ((4, 64, 64, 1), BYTE)}),
    "objects_room/identical_color": ("objects_room", "objects_room_test_identical_color.tfrecords", 0, 4, 922, {
        "image": ((64, 64, 3), BYTE), "mask": ((10, 64, 64, 1), BYTE)}),
}
CODES = {"tetrominoes": {"shape": 20}, "multi_dsprites": {"shape": 4},
         "clevr_masks": {"shape": 4, "size": 3, "color": 9, "material": 3}, "objects_room": {}}
SOURCES = {
    "tetrominoes": {"row": "x", "column": "y", "shape": "shape", "color": "color"},
    "multi_dsprites": {name: name for name in ("x", "y", "shape", "orientation", "scale", "color")},
    "clevr_masks": {**{name: name for name in ("shape", "size", "color", "material", "rotation", "pixel_coords")},
                    "coords_3d": ("x", "y", "z")},
    "objects_room": {}}


class FamiliesTest(unittest.TestCase):
    """The formats of the released files."""

    def test_all_facts(self):
        self.assertEqual(set(records.FAMILIES), set(RELEASED))
        for key, (folder, name, axis, background, number, features) in RELEASED.items():
            with self.subTest(key=key):
                family, dataset = records.FAMILIES[key], key.split("/")[0]
                self.assertEqual(family.url, f"https://storage.googleapis.com/multi-object-datasets/{folder}/{name}")
                self.assertEqual((family.entity_axis, family.background_entities, family.num_records),
                                 (axis, background, number))
                self.assertEqual(family.feature_shapes(), features)
                self.assertEqual(family.num_entities, features["mask"][0][axis])
                self.assertEqual(family.max_objects, features["mask"][0][axis] - background)
                self.assertEqual(family.codes, CODES[dataset])
                self.assertEqual(family.factor_sources(), SOURCES[dataset])


if __name__ == "__main__":
    unittest.main()
