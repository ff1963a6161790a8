"""Which scenes are kept: numbers of objects, and descriptions of objects that must not, or must, occur."""

import os
import shutil
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.data import stored_sets
from tests.data.memory_case import MemoryTestCase
from tfobj.config import DataConfig
from tfobj.data import memory
from tfobj.data import object_filters
from tfobj.data import pipeline
from tfobj.data import recipes
from tfobj.data.object_descriptions import parse_descriptions
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

    def test_required_objects(self):
        self.assertEqual(self.kept(require_objects="shape:sphere,color:green"), [1, 3])
        self.assertEqual(self.kept(require_objects="shape:cube,color:gray"), [0, 1])
        self.assertEqual(self.kept(require_objects="shape:sphere;color:green"), [0, 1, 3])  # both, not in one object
        self.assertEqual(self.kept(require_objects="color:green", exclude_objects="shape:sphere", min_objects=2), [5])

    def test_required_and_excluded_scenes_are_all_scenes(self):
        for text in ("shape:sphere,color:green", "color:red", "shape:cylinder"):
            both = self.kept(require_objects=text) + self.kept(exclude_objects=text)
            self.assertEqual(sorted(both), list(range(7)))

    def test_unknown_classes_and_factors(self):
        for text, expected in (
                ("shape:cone", "no shape of this data set is called 'cone'; choose one of: cube, sphere, cylinder"),
                ("colour:red", "does not say the 'colour' of its objects; it knows color, shape"),
                ("size:large", "does not say the 'size' of its objects; it knows color, shape")):
            for flag in ("exclude_objects", "require_objects"):
                with self.assertRaisesRegex(UserError, f"--{flag}.*: .*{expected}"):
                    self.kept(**{flag: text})

    def test_nothing_left(self):
        config = DataConfig(exclude_objects="shape:sphere;shape:cube;shape:cylinder")
        with self.assertRaisesRegex(UserError, "--exclude_objects='shape:sphere;shape:cube;shape:cylinder' and "
                                    "--require_objects='' leave none of the 7 examples of split 'train'"):
            pipeline.EvaluationInput(PreparedSource(self.builder, config), config, "train", 0, 2)
        with self.assertRaisesRegex(UserError, "--require_objects='shape:cylinder,color:red' leave none"):
            config = DataConfig(require_objects="shape:cylinder,color:red")
            pipeline.EvaluationInput(PreparedSource(self.builder, config), config, "train", 0, 2)

    def test_one_pass_for_all_filters_that_decodes_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            builder = stored_sets.store(directory, FEATURES, {"train": [example(scene) for scene in SCENES]})
            config = DataConfig(exclude_objects="color:green", require_objects="shape:cube", min_objects=2)
            scan = PreparedSource._stored_records
            with unittest.mock.patch.object(tf.io, "decode_png", side_effect=AssertionError("decoded")):
                with unittest.mock.patch.object(PreparedSource, "_stored_records", autospec=True,
                                                side_effect=scan) as scanned:
                    for _ in range(2):
                        source = PreparedSource(builder, config)
                        self.assertEqual(list(object_filters.kept_positions(source, "train", config)), [2])
            self.assertEqual(scanned.call_count, 1)

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


NAMES = [["Sphere", "monkey", ""], ["", "", ""], ["monkey", "teapot", "sphere"], ["süß", "monkey", "sphere"]]


class TextsTest(MemoryTestCase):
    """Factors that are texts, "" beyond the objects of a scene."""

    def setUp(self):
        super().setUp()
        texts = tfds.features.Sequence(tfds.features.Text(), length=3)
        features = {"image": stored_sets.picture(), "objects": {"shape": texts},
                    "visibility": tfds.features.Tensor(shape=(4,), dtype=np.bool_)}
        examples = [{"image": stored_sets.pixels(i), "visibility": [True, *map(bool, names)],
                     "objects": {"shape": names}}
                    for i, names in enumerate(NAMES)]
        examples[3]["visibility"][3] = False  # the sphere is out of sight
        self.builder = stored_sets.store(self.directory, features, {"train": examples[:2], "test": examples[2:]},
                                         "official")
        shutil.copytree(self.builder.data_path, os.path.join(self.directory, "tetrominoes", "official", "1.0.0"))

    def sources(self, data):
        """The set as TensorFlow reads it and as arrays."""
        return PreparedSource(self.builder, data), memory.open_source(data)

    def test_filters(self):
        for split, kept, knobs in (("test", [1], {"exclude_objects": "shape:sphere"}),
                                   ("test", [0], {"require_objects": "shape:sphere"}),
                                   ("test", [1], {"require_objects": "shape:süß;shape:monkey"}),
                                   ("train", [1], {"exclude_objects": "shape:Sphere"})):
            data = self.config("tetrominoes", dataset_config="official", **knobs)
            for source in self.sources(data):
                self.assertEqual(list(object_filters.kept_positions(source, split, data)), kept)
        data = self.config("tetrominoes", dataset_config="official", exclude_objects="shape:cone")
        for source in self.sources(data):
            with self.assertRaisesRegex(UserError, "is called 'cone'; choose one of: monkey, sphere, süß, teapot$"):
                object_filters.kept_positions(source, "test", data)

    def test_stored_splits_of_different_lengths_of_texts(self):
        data = self.config("tetrominoes", dataset_config="official", preprocessing="genesis")
        with unittest.mock.patch.dict(recipes.SPLITS, {("genesis", "stored_set"): {"train": (0, 4)}}):
            for source in self.sources(data):
                codes, names = source.object_classes("train", "shape")
                self.assertEqual(names, ("Sphere", "monkey", "sphere", "süß", "teapot"))
                np.testing.assert_array_equal(codes, [[0, 1, -1], [-1, -1, -1], [1, 4, 2], [3, 1, -1]])


class ParseDescriptionsTest(unittest.TestCase):
    def test_descriptions(self):
        for flag in ("exclude_objects", "require_objects"):
            self.assertEqual(parse_descriptions(DataConfig(), flag), [])
            self.assertEqual(parse_descriptions(DataConfig(**{flag: "shape:sphere, color:green ; size:large"}), flag),
                             [{"shape": "sphere", "color": "green"}, {"size": "large"}])

    def test_what_is_no_description(self):
        for text in ("sphere", "shape:", ":green", "shape:a:b", "shape:a,,color:b", "shape:a;", "shape:a,shape:b"):
            for flag in ("exclude_objects", "require_objects"):
                with self.assertRaisesRegex(UserError, f"^--{flag}=.* is no list of descriptions factor:class,"):
                    parse_descriptions(DataConfig(**{flag: text}), flag)


if __name__ == "__main__":
    unittest.main()
