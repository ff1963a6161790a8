"""Which official records are which split."""

import contextlib
import io
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow_datasets as tfds

from tests.data import stored_sets
from tfobj.config import DataConfig
from tfobj.data import object_filters
from tfobj.data import pipeline
from tfobj.data import prepared
from tfobj.data import recipes
from tfobj.data import split_views
from tfobj.data.builders import clevr_masks
from tfobj.data.builders import multi_dsprites
from tfobj.data.builders import tetrominoes
from tfobj.data.source import PreparedSource
from tfobj.data.split_views import SplitView
from tfobj.errors import UserError

CLEVR = clevr_masks.ClevrMasks.builder_configs["clevr10_official"].split_sizes
STORED = ("train", "test", "validation", "rest")  # in the order of the release


class TableTest(unittest.TestCase):
    """The papers' splits of the released files."""

    def check(self, sizes, recipe, dataset, **expected):
        """Compares ranges of records; `expected` from split to (first, end)."""
        self.assertEqual(recipes.SPLITS[recipe, dataset], expected)
        views = split_views.recipe_views(sizes, recipe, dataset)
        self.assertEqual(set(views), set(expected))
        starts = dict(zip(sizes, np.cumsum([0, *sizes.values()])))
        for split, view in views.items():
            first = starts[view.stored[0]] + view.offset
            self.assertEqual((first, first + view.count), expected[split], split)
            self.assertLessEqual(view.offset + view.count, sum(sizes[name] for name in view.stored))

    def test_clevr_with_masks(self):
        self.check(CLEVR, "genesis", "clevr_masks", test=(0, 10_000), validation=(10_000, 20_000),
                   train=(20_000, 70_000))
        self.check(CLEVR, "ast", "clevr_masks", test=(0, 10_000), validation=(10_000, 20_000), train=(20_000, 100_000))
        self.check(CLEVR, "clevrtex", "clevr_masks", test=(0, 15_000), validation=(15_000, 30_000),
                   train=(30_000, 100_000))

    def test_sprites_and_tetrominoes(self):
        ranges = {"test": (0, 10_000), "validation": (10_000, 20_000), "train": (20_000, 60_000)}
        sizes = multi_dsprites.MultiDsprites.builder_configs["binarized_official"].split_sizes
        self.check(sizes, "genesis", "multi_dsprites", **ranges)
        sizes = tetrominoes.Tetrominoes.builder_configs["official"].split_sizes
        self.check(sizes, "genesis", "tetrominoes", **ranges)

    def test_clevr_properties(self):
        sizes = {"train": 70_000, "validation": 15_000, "test": 15_000}
        key = "slot_attention_properties", "clevr_properties"
        self.assertEqual(split_views.recipe_views(sizes, *key), {
            "train": SplitView(("train",), 512, 69_488), "validation": SplitView(("train",), 0, 512),
            "test": SplitView(("validation",), 0, 15_000)})
        # As many as the whole release, but each split was cut on its own: none may go on in the next.
        for other in ({"train": 60_000, "validation": 15_000, "test": 15_000},
                      {"train": 69_999, "validation": 15_000, "test": 15_001}):
            with self.assertRaisesRegex(UserError, "takes train from records 512-69,999 of the released split train of "
                                        f"clevr_properties, but only {other['train']:,} are prepared; use --splits="):
                split_views.recipe_views(other, *key)
        with self.assertRaisesRegex(UserError, "takes test from records 0-14,999 .* split validation .* only 0 are"):
            split_views.recipe_views({"train": 70_000, "test": 15_000}, *key)

    def test_iodine_and_slot_attention_take_the_stored_splits(self):
        self.assertEqual(list(CLEVR.items())[:3], [("train", 70_000), ("test", 10_000), ("validation", 10_000)])
        for recipe in ("none", "iodine", "iodine_legacy", "slot_attention"):
            for dataset in ("clevr_masks", "multi_dsprites", "tetrominoes"):
                self.assertNotIn((recipe, dataset), recipes.SPLITS)
            self.assertEqual(split_views.recipe_views(CLEVR, recipe, "clevr_masks"), split_views.stored_views(CLEVR))

    def test_every_recipe_of_the_table_exists(self):
        self.assertLessEqual({recipe for recipe, _ in (*recipes.SPLITS, *recipes.PARTS_OF_SPLITS)},
                             set(recipes.FRAMES))

    def test_sizes_of_the_releases_are_those_of_the_builders(self):
        builders = sum(prepared.catalogue(DataConfig(data_dir="/nowhere")).values(), [])
        official = {(builder.name, builder.builder_config.variant): builder.builder_config.split_sizes
                    for builder in builders if builder.builder_config.source == "official"}
        self.assertLessEqual(set(recipes.RELEASED_SIZES), set(official))
        for key, sizes in official.items():
            if sizes:
                self.assertEqual(recipes.RELEASED_SIZES[key], sizes, key)

    def test_views_span_stored_splits(self):
        views = split_views.recipe_views(CLEVR, "clevrtex", "clevr_masks")
        self.assertEqual(views["train"], SplitView(STORED, 30_000, 70_000))
        self.assertEqual(views["test"], SplitView(("train",), 0, 15_000))
        sizes = {"train": 5_000, "test": 10_000, "validation": 0, "rest": 85_000}
        views = split_views.recipe_views(sizes, "clevrtex", "clevr_masks")
        self.assertEqual(views["test"], SplitView(("train", "test"), 0, 15_000))
        self.assertEqual(views["validation"], SplitView(("rest",), 0, 15_000))

    def test_too_few_records(self):
        with self.assertRaisesRegex(UserError, "--preprocessing=ast splits clevr_masks by record .test 0-9,999, .* but "
                                    "only 90,000 are prepared; use --splits=stored"):
            split_views.recipe_views({**CLEVR, "rest": 0}, "ast", "clevr_masks")


class OtherSizesTest(unittest.TestCase):
    """Releases of which a part was prepared."""

    def said(self, sizes, dataset="clevr_masks", config="clevr10_official", **knobs):
        """What is written to standard error when a set is opened."""
        with contextlib.redirect_stderr(io.StringIO()) as error:
            split_views.prepared_views(dataset, config, sizes, DataConfig(**knobs))
        return error.getvalue()

    def test_stored_splits_that_are_not_those_of_the_release(self):
        few = {**CLEVR, "train": 60_000}
        for knobs in ({}, {"preprocessing": "iodine"}, {"preprocessing": "clevrtex", "splits": "stored"}):
            self.assertRegex(self.said(few, **knobs), "^warning: clevr_masks/clevr10_official was prepared with other "
                             r"sizes than the release has \(train 60,000 of 70,000\): .* --overwrite.*\n$")
        self.assertIn("(train 6 of 40,000, test 2 of 5,000)",
                      self.said({"train": 6, "test": 2}, "clevrtex", "full_official"))

    def test_silence(self):
        self.assertEqual(self.said(CLEVR), "")
        self.assertEqual(self.said({"train": 70_000, "test": 10_000}, preprocessing="iodine"), "")  # whole
        self.assertEqual(self.said({"train": 90_000, "test": 10_000}, preprocessing="ast"), "")  # cut by record
        self.assertEqual(self.said({"train": 6}, config="clevr10_generated"), "")
        self.assertEqual(self.said({"train": 6}, "sketchy", "official"), "")  # of unknown size


FEATURES = {"image": stored_sets.picture(), "visibility": tfds.features.Tensor(shape=(4,), dtype=np.bool_),
            "number": np.int32, "objects": {
                "shape": tfds.features.Sequence(tfds.features.ClassLabel(names=["cube", "sphere"]), length=3)}}
SIZES = {"train": 9, "test": 4, "validation": 3, "rest": 4}


def record(number):
    """Record `number` of a release: number % 4 objects, the first of them a sphere if number is odd."""
    return {"image": np.full((*stored_sets.SIZE, 3), number, np.uint8), "visibility": np.arange(4) <= number % 4,
            "number": number, "objects": {"shape": [number % 2, 0, 1]}}


class SourceTest(unittest.TestCase):
    """A release of 20 records that a recipe cuts elsewhere than the stored splits."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        numbers = iter(range(20))
        examples = {name: [record(next(numbers)) for _ in range(size)] for name, size in SIZES.items()}
        cls.directory = directory.name
        cls.builders = {source: stored_sets.store(directory.name, FEATURES, examples, source, num_shards=2)
                        for source in ("official", "generated")}
        table = {("genesis", "stored_set"): {"test": (0, 3), "validation": (3, 8), "train": (8, 19)}}
        patch = unittest.mock.patch.dict(recipes.SPLITS, table)
        patch.start()
        cls.addClassCleanup(patch.stop)

    def open(self, source="official", **knobs):
        """A source of one of the two."""
        return PreparedSource(self.builders[source], DataConfig(preprocessing="genesis", **knobs))

    def numbers(self, source, split):
        """The numbers of the records of a split."""
        return source.batch(source.read(split, range(source.num_examples(split))))["image"][:, 0, 0, 0]

    def test_order_of_stored_splits(self):
        again = stored_sets.StoredSet(FEATURES, {}, "official", data_dir=self.directory)
        self.assertEqual(tuple(again.info.splits), STORED)

    def test_splits_of_the_recipe(self):
        source = self.open()
        for split, (first, end) in {"test": (0, 3), "validation": (3, 8), "train": (8, 19)}.items():
            self.assertEqual(source.num_examples(split), end - first)
            np.testing.assert_array_equal(self.numbers(source, split), np.arange(first, end))
            np.testing.assert_array_equal(source.object_counts(split), np.arange(first, end) % 4)
            in_order = [source.decode(item)["number"].numpy() for item in source.records(split)]
            self.assertEqual(in_order, list(range(first, end)))
        in_order = [item.numpy() for item in source.records("train")]
        self.assertEqual(list(source.read("train", [10, 0])), [in_order[10], in_order[0]])
        with self.assertRaisesRegex(UserError, "no split 'rest'; it has test, train, validation"):
            source.num_examples("rest")

    def test_stored_splits_on_request_and_for_generated_sets(self):
        for source in (self.open(splits="stored"), self.open("generated")):
            self.assertEqual({name: source.num_examples(name) for name in SIZES}, SIZES)
            np.testing.assert_array_equal(self.numbers(source, "test"), np.arange(9, 13))

    def test_filters_apply_to_the_split_of_the_recipe(self):
        config = DataConfig(preprocessing="genesis", min_objects=1, exclude_objects="shape:sphere")
        kept = object_filters.kept_positions(self.open(), "train", config)
        # Numbers 8..18 without multiples of 4, without odd ones, without those that show the third object, a sphere.
        np.testing.assert_array_equal(8 + kept, [10, 14, 18])

    def test_the_first_test_examples_after_filtering(self):
        config = DataConfig(preprocessing="genesis", min_objects=2)
        data = pipeline.EvaluationInput(self.open(), config, "validation", 3, 2)
        np.testing.assert_array_equal(data.examples(9)["image"][:, 0, 0, 0], [3, 6, 7])
        self.assertEqual((data.num_examples, data.num_batches), (3, 2))


if __name__ == "__main__":
    unittest.main()
