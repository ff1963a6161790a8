"""Which factors every data set has, and how they become targets."""

import unittest

import numpy as np

from tfobj.analysis import factor_table
from tfobj.config import DataConfig
from tfobj.data.drawn_examples import draw
from tfobj.data.scenes import catalogue
from tfobj.errors import UserError

# Sizes of the factors of the papers' data sets (IODINE): classes with that of the background, or dimensions.
PUBLISHED = {
    ("clevr_masks", "clevr6"): {"color": 9, "shape": 4, "size": 3, "position": 3},
    ("multi_dsprites", "colored_on_grayscale"): {"color": 3, "shape": 4, "scale": 1, "x": 1, "y": 1, "orientation": 1},
    ("tetrominoes", ""): {"position": 2, "color": 3, "shape": 20},
}


def described(drawn, count=3):
    """What `factors()` of an evaluation input returns of the first test scenes of a drawn set."""
    arrays = draw(drawn.scenes(), catalogue.SEED, "test", 0, count)
    objects = {name.partition(".")[2]: values for name, values in arrays.items() if name.startswith("objects.")}
    return {"visibility": arrays["visibility"], "objects": objects}


class FactorTableTest(unittest.TestCase):
    def test_every_drawn_set_has_targets(self):
        for dataset, variants in catalogue.SETS.items():
            for variant, drawn in variants.items():
                if (dataset, variant) not in PUBLISHED and (variant not in ("", "vbg", "train")):
                    continue
                with self.subTest(dataset=dataset, variant=variant):
                    found, data = described(drawn), DataConfig(dataset=dataset, dataset_variant=variant)
                    columns = factor_table.columns(data, found, drawn.class_names)
                    sizes = {column.factor.name: column.factor.size for column in columns}
                    if (dataset, variant) in PUBLISHED:
                        self.assertEqual(sizes, PUBLISHED[dataset, variant])
                    self.check(columns, found)

    def check(self, columns, found):
        """Checks ranges and shapes of all targets."""
        visibility = found["visibility"]
        for column in columns:
            values, size = factor_table.targets(column, found), column.factor.size
            self.assertEqual(values.shape[:2], visibility.shape)
            np.testing.assert_array_equal(values[:, 0], np.zeros_like(values[:, 0]), "the background")
            if column.factor.kind == factor_table.CATEGORICAL:
                self.assertEqual(values.dtype, np.int32)
                np.testing.assert_array_equal(values[:, 1:] > 0, visibility[:, 1:])
                self.assertLess(values.max(), size)
            else:
                self.assertEqual((values.dtype, values.shape[2:]), (np.float32, (size,)))
                self.assertGreater(np.abs(values).max(), 0.0)

    def test_size_is_not_color(self):
        drawn = catalogue.find("clevr_masks", "clevr6")
        found = described(drawn, 6)
        columns = {column.factor.name: column for column in factor_table.columns(
            DataConfig(dataset="clevr_masks", dataset_variant="clevr6"), found, drawn.class_names)}
        size, color = (factor_table.targets(columns[name], found)[:, 1:] for name in ("size", "color"))
        exists = found["visibility"][:, 1:]
        np.testing.assert_array_equal(size[exists], found["objects"]["size"][exists] + 1)
        np.testing.assert_array_equal(color[exists], found["objects"]["color"][exists] + 1)
        self.assertFalse((size == color).all())

    def test_position_is_column_and_row(self):
        drawn = catalogue.find("tetrominoes", "")
        found = described(drawn)
        column = factor_table.columns(DataConfig(dataset="tetrominoes"), found, drawn.class_names)[0]
        np.testing.assert_array_equal(factor_table.targets(column, found)[:, 1:, 1], found["objects"]["row"])
        np.testing.assert_array_equal(factor_table.targets(column, found)[:, 1:, 0], found["objects"]["column"])

    def test_texts_are_classes_of_the_training_set(self):
        numbers = np.zeros((2, 2, 3), np.float32)
        found = {"visibility": np.array([[True, True, True], [True, True, False]]),
                 "objects": {"shape": np.array([[b"cube", b"cone"], [b"cube", b""]], object),
                             "size": np.array([[b"a", b"b"], [b"a", b""]]),
                             "material": np.array([[b"m", b"n"], [b"m", b""]]), "pixel_coords": numbers}}
        columns = factor_table.columns(DataConfig(dataset="clevrtex", dataset_variant="full"), found, {})
        shape = columns[0]
        self.assertEqual((shape.factor.name, shape.classes, shape.factor.size), ("shape", ("cone", "cube"), 3))
        np.testing.assert_array_equal(factor_table.targets(shape, found), [[0, 2, 1], [0, 2, 0]])
        other = {**found, "objects": {**found["objects"], "shape": np.array([[b"torus", b"cone"], [b"cube", b""]])}}
        np.testing.assert_array_equal(factor_table.targets(shape, other), [[0, -1, 1], [0, 2, 0]])

    def test_canonical_order(self):
        found = {"visibility": np.array([[True, False, True, True, True]]),
                 "objects": {"size": np.array([[0, 1, 0, 0]]), "material": np.array([[0, 0, 1, 0]]),
                             "shape": np.array([[0, 0, 0, 2]]), "color": np.array([[9, 8, 7, 6]]),
                             "pixel_coords": np.array([[[0, 0, 0], [0, 0, 0], [1, 1, 1], [2, 2, 2]]])}}
        self.assertEqual(factor_table.canonical_order(found).tolist(), [[3, 2, 1, 0]])
        found["objects"].update(material=np.array([[0, 0, 0, 0]]), shape=np.array([[0, 0, 0, 0]]))
        self.assertEqual(factor_table.canonical_order(found).tolist(), [[2, 3, 1, 0]])

    def test_data_without_descriptions(self):
        with self.assertRaisesRegex(UserError, "--dataset=apc does not describe its objects"):
            factor_table.columns(DataConfig(dataset="apc"), {}, {})
