"""Which scenes are kept: numbers of objects, and descriptions of objects that must not occur."""

import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.data import stored_sets
from tfobj.config import DataConfig
from tfobj.data import object_filters
from tfobj.data import pipeline
from tfobj.data.exclusions import parse_exclusions
from tfobj.data.source import PreparedSource
from tfobj.errors import UserError

SHAPES, COLORS = ("cube", "sphere", "cylinder"), ("gray", "red", "green")
OBJECTS = 10
# Number of visible objects, then (shape, color) of each object; the last scene's green sphere is out of sight.
SCENES = [
    (3, [(0, 0), (1, 1), (2, 2)]),
    (2, [(1, 2), (0, 0)]),  # a green sphere
    (7, [(0, 1)] * 7),
    (9, [(2, 0)] * 8 + [(1, 2)]),  # and another one
    (10, [(1, 0)] * 10),
    (6, [(0, 2)] * 6),
    (1, [(2, 2), (1, 2)]),
]


def example(scene):
    """One scene of the list; rows without an object are zero, as a gray cube is."""
    count, objects = scene
    padded = objects + [(0, 0)] * (OBJECTS - len(objects))
    return {"image": stored_sets.pixels(count), "visibility": np.arange(OBJECTS + 1) <= count,
            "objects": {"shape": [shape for shape, _ in padded], "color": [color for _, color in padded],
                        "size": np.zeros(OBJECTS, np.float32)}}


def label(names):
    """Feature of a factor that is a class."""
    return tfds.features.Sequence(tfds.features.ClassLabel(names=list(names)), length=OBJECTS)


FEATURES = {"image": stored_sets.picture(), "visibility": tfds.features.Tensor(shape=(OBJECTS + 1,), dtype=np.bool_),
            "objects": {"shape": label(SHAPES), "color": label(COLORS),
                        "size": tfds.features.Tensor(shape=(OBJECTS,), dtype=np.float32)}}


class ObjectFiltersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.builder = stored_sets.store(directory.name, FEATURES, {"train": [example(scene) for scene in SCENES]})

    def kept(self, **knobs):
        """Positions that pass."""
        config = DataConfig(**knobs)
        return list(object_filters.kept_positions(PreparedSource(self.builder, config), "train", config))

    def test_number_of_objects(self):
        self.assertEqual(self.kept(), list(range(7)))
        self.assertEqual(self.kept(max_objects=6), [0, 1, 5, 6])
        self.assertEqual(self.kept(min_objects=7, max_objects=9), [2, 3])
        self.assertEqual(self.kept(min_objects=10, max_objects=10), [4])
        self.assertEqual(self.kept(min_objects=3, max_objects=6), [0, 5])

    def test_no_green_spheres(self):
        self.assertEqual(self.kept(exclude_objects="shape:sphere,color:green"), [0, 2, 4, 5, 6])

    def test_padding_is_no_object(self):
        self.assertEqual(self.kept(exclude_objects="shape:cube,color:gray"), [2, 3, 4, 5, 6])

    def test_several_descriptions_and_filters(self):
        self.assertEqual(self.kept(exclude_objects="shape:sphere,color:green; color:red"), [4, 5, 6])
        self.assertEqual(self.kept(exclude_objects="shape:sphere", min_objects=3), [2, 5])

    def test_unknown_classes_and_factors(self):
        for text, expected in (
                ("shape:cone", "no shape of this data set is called 'cone'; choose one of: cube, sphere, cylinder"),
                ("colour:red", "does not say the 'colour' of its objects; it knows color, shape"),
                ("size:large", "does not say the 'size' of its objects; it knows color, shape")):
            with self.assertRaisesRegex(UserError, f"--exclude_objects: .*{expected}"):
                self.kept(exclude_objects=text)

    def test_nothing_left(self):
        config = DataConfig(exclude_objects="shape:sphere;shape:cube;shape:cylinder")
        with self.assertRaisesRegex(UserError, "--exclude_objects='shape:sphere;shape:cube;shape:cylinder' leave none"):
            pipeline.EvaluationInput(PreparedSource(self.builder, config), config, "train", 0, 2)

    def test_only_the_factor_is_read_and_only_once(self):
        with unittest.mock.patch.object(tf.io, "decode_png", side_effect=AssertionError("decoded")):
            self.kept(exclude_objects="color:green")
        with unittest.mock.patch.object(PreparedSource, "_computed", side_effect=AssertionError("read again")):
            self.assertEqual(self.kept(exclude_objects="color:green"), [2, 4])

    def test_classes_without_names_have_numbers(self):
        with tempfile.TemporaryDirectory() as directory:
            codes = tfds.features.Sequence(tfds.features.ClassLabel(num_classes=4), length=1)
            features = {"image": stored_sets.picture(), "objects": {"shape": codes},
                        "visibility": tfds.features.Tensor(shape=(2,), dtype=np.bool_)}
            examples = [{"image": stored_sets.pixels(0), "visibility": [True, True], "objects": {"shape": [code]}}
                        for code in (1, 3, 2, 3)]
            source = PreparedSource(stored_sets.store(directory, features, {"train": examples}), DataConfig())
            kept = object_filters.kept_positions(source, "train", DataConfig(exclude_objects="shape:3"))
            np.testing.assert_array_equal(kept, [0, 2])


class ParseExclusionsTest(unittest.TestCase):
    def test_descriptions(self):
        self.assertEqual(parse_exclusions(""), [])
        self.assertEqual(parse_exclusions("shape:sphere, color:green ; size:large"),
                         [{"shape": "sphere", "color": "green"}, {"size": "large"}])

    def test_what_is_no_description(self):
        for text in ("sphere", "shape:", ":green", "shape:a:b", "shape:a,,color:b", "shape:a;", "shape:a,shape:b"):
            with self.assertRaisesRegex(UserError, "is no list of descriptions factor:class,factor:class"):
                parse_exclusions(text)


if __name__ == "__main__":
    unittest.main()
