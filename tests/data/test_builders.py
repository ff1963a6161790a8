"""Builders that draw: schema, splits, bit-equal rebuilds, splits larger than the memory."""

import tempfile
import unittest
import unittest.mock

import numpy as np
from tensorflow_datasets.core import shuffle

from tests.data import builds
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data.builders.clevr_masks import ClevrMasks
from tfobj.data.builders.multi_dsprites import MultiDsprites
from tfobj.data.builders.objects_room import ObjectsRoom
from tfobj.data.builders.shapes import Shapes
from tfobj.data.builders.shapestacks import Shapestacks
from tfobj.data.builders.tetrominoes import Tetrominoes
from tfobj.data.scenes import clevr
from tfobj.data.scenes import generation

TINY = {"train": 64, "validation": 16, "test": 16}
FEW = {"train": 3, "validation": 2, "test": 2}
TEST = {"test": 2}
# name, variant, image shape, most objects, sizes
SETS = (("colored_shapes", "", (32, 32, 3), 3, TINY), ("tetrominoes", "", (35, 35, 3), 3, TINY),
        ("shapes", "", (28, 28, 1), 3, TINY),
        ("multi_dsprites", "colored_on_grayscale", (64, 64, 3), 5, TINY),
        ("multi_dsprites", "binarized", (64, 64, 1), 3, TINY),
        ("multi_dsprites", "colored_on_colored", (64, 64, 3), 4, TINY),
        ("multi_dsprites", "colored_on_colored_levels", (64, 64, 3), 4, FEW),
        ("clevr_masks", "clevr10", (128, 128, 3), 10, FEW), ("clevr_masks", "clevr6", (128, 128, 3), 6, FEW),
        ("clevr_masks", "no_green_spheres", (128, 128, 3), 10, FEW), ("objects_room", "train", (64, 64, 3), 3, FEW),
        ("objects_room", "empty_room", (64, 64, 3), 0, TEST), ("objects_room", "six_objects", (64, 64, 3), 6, TEST),
        ("objects_room", "identical_color", (64, 64, 3), 6, TEST),
        ("objects_room", "sequences", (16, 64, 64, 3), 3, FEW))


class GeneratedTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.builders = {}
        for name, variant, _, _, sizes in SETS:
            config = DataConfig(dataset=name, dataset_variant=variant, dataset_config="tiny", data_dir=directory.name)
            cls.builders[name, variant] = prepared.prepare_dataset(
                config, split_sizes=None if sizes is TINY else {**FEW, **sizes})

    def test_schema_is_the_canonical_one(self):
        for name, variant, shape, number, _ in SETS:
            with self.subTest(name=name, variant=variant):
                spec = self.builders[name, variant].as_dataset(split="test").element_spec
                picture = (*shape[:-1], 1)
                expected = {"image": (shape, "uint8"), "mask": (picture, "uint8"),
                            "visibility": ((number + 1,), "bool"), "num_objects": ((), "int32"), "id": ((), "string")}
                if name == "objects_room":
                    expected["background"] = picture, "uint8"
                if variant == "sequences":
                    expected["camera"] = (16, 2), "float32"
                factors = spec.pop("objects", {})
                self.assertEqual({key: (tuple(value.shape), value.dtype.name) for key, value in spec.items()}, expected)
                self.assertEqual({value.shape[0] for value in factors.values()}, {number} if number else set())

    def test_splits_hold_their_examples_in_index_order(self):
        for name, variant, _, _, sizes in SETS:
            builder = self.builders[name, variant]
            self.assertEqual({split: info.num_examples for split, info in builder.info.splits.items()}, sizes)
            for split, size in sizes.items():
                ids = [example["id"].decode() for example in builds.read(builder, split)]
                self.assertEqual(ids, [f"{split}/{index}" for index in range(size)])

    def test_an_example_drawn_alone_equals_the_stored_one(self):
        for builder in self.builders.values():
            stored = builds.read(builder, "test")[-1]
            alone = builder.scenes.draw(generation.example_rng(
                builder.builder_config.seed, "test", builder.info.splits["test"].num_examples - 1))
            alone = {**alone, **{key: alone[key][..., None] for key in ("mask", "background") if key in alone}}
            self.assertEqual(stored["num_objects"], alone["visibility"].sum() - 1)
            factors, expected = stored.pop("objects", {}), alone.pop("objects")
            for key in set(stored) - {"id", "num_objects"}:
                np.testing.assert_array_equal(stored[key], alone[key])
            for name, values in factors.items():
                np.testing.assert_array_equal(values, expected[name])

    def test_tiny_is_the_beginning_of_generated(self):
        with tempfile.TemporaryDirectory() as directory:
            config = DataConfig(dataset="tetrominoes", data_dir=directory)
            generated = prepared.prepare_dataset(config, split_sizes=FEW)
            tiny = self.builders["tetrominoes", ""]
            for one, two in zip(builds.read(generated, "train"), builds.read(tiny, "train")):
                np.testing.assert_array_equal(one["image"], two["image"])

    def test_names_of_clevr_classes(self):
        factors = self.builders["clevr_masks", "clevr10"].info.features["objects"]
        for name, names in (("shape", clevr.SHAPES), ("size", clevr.SIZES), ("color", clevr.COLORS),
                            ("material", clevr.MATERIALS)):
            self.assertEqual(tuple(factors[name].feature.names), names)

    def test_excluded_objects_do_not_occur(self):
        scenes = self.builders["clevr_masks", "no_green_spheres"].scenes
        self.assertEqual((scenes.min_objects, scenes.max_objects, scenes.exclude), (3, 10, (("sphere", "green"),)))


class RebuildTest(unittest.TestCase):

    def build(self, workers=1, **sizes):
        """The files of a freshly built set."""
        with tempfile.TemporaryDirectory() as directory:
            config = DataConfig(dataset="colored_shapes", data_dir=directory)
            sizes = {"train": 300, "validation": 16, "test": 16, **sizes}
            return builds.contents(prepared.prepare_dataset(config, workers=workers, split_sizes=sizes))

    def test_two_workers_give_the_same_files(self):
        one = self.build()
        self.assertEqual(sum(".tfrecord" in name for name in one), 24)
        self.assertEqual(one, self.build(workers=2))

    def test_a_split_larger_than_the_memory_is_written_in_pieces(self):
        expected, sizes = self.build(), []
        flush = shuffle._Bucket.flush

        def counted(bucket):
            sizes.append(len(bucket))
            flush(bucket)

        with unittest.mock.patch.object(shuffle, "MAX_MEM_BUFFER_SIZE", 10_000):
            with unittest.mock.patch.object(shuffle._Bucket, "flush", counted):
                self.assertEqual(self.build(), expected)
        self.assertEqual((sum(sizes), max(sizes)), (332, 2))


class ConfigurationTest(unittest.TestCase):

    def test_names(self):
        self.assertEqual(set(Tetrominoes.builder_configs), {"generated", "tiny", "official"})
        self.assertEqual(set(Shapes.builder_configs), {"generated", "tiny", "official"})
        self.assertEqual(len(MultiDsprites.builder_configs), 11)
        self.assertEqual([name for name in MultiDsprites.builder_configs if "levels" in name],
                         ["colored_on_colored_levels_generated", "colored_on_colored_levels_tiny"])
        self.assertEqual(set(Shapestacks.builder_configs),
                         {"generated", "tiny", "official", "unstable_generated", "unstable_tiny"})
        self.assertEqual([name for name in ClevrMasks.builder_configs if name.endswith("official")],
                         ["clevr10_official"])
        self.assertEqual([name for name in ObjectsRoom.builder_configs if "sequences" in name],
                         ["sequences_generated", "sequences_tiny"])
        self.assertEqual((len(ClevrMasks.builder_configs), len(ObjectsRoom.builder_configs)), (7, 14))

    def test_sizes_in_the_order_of_the_files(self):
        for builder_class, name, sizes, shards in (
                (Tetrominoes, "generated", {"train": 60_000, "validation": 10_000, "test": 10_000}, 8),
                (ClevrMasks, "clevr10_generated", {"train": 20_000, "validation": 1_000, "test": 1_000}, 8),
                (ClevrMasks, "clevr10_official",
                 {"train": 70_000, "test": 10_000, "validation": 10_000, "rest": 10_000}, 64),
                (ObjectsRoom, "train_official", {"test": 10_000, "validation": 10_000, "train": 980_000}, 64),
                (ObjectsRoom, "six_objects_official", {"test": 922}, 8),
                (ObjectsRoom, "sequences_generated", {"train": 2_000, "validation": 200, "test": 200}, 8),
                (Shapes, "official", {}, 0)):
            config = builder_class.builder_configs[name]
            self.assertEqual(list(config.split_sizes.items()), list(sizes.items()))
            self.assertEqual(config.num_shards, shards)


if __name__ == "__main__":
    unittest.main()
