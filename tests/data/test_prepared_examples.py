"""Prepared sets read without TensorFlow: a recipe's splits, every sort of part, damage."""

import os
import shutil
import unittest
import unittest.mock

import numpy as np
import tensorflow_datasets as tfds

from tests.data import stored_sets
from tests.data import test_example_parts as parts
from tests.data.memory_case import MemoryTestCase
from tfobj.config import DataConfig
from tfobj.data import memory
from tfobj.data import recipes
from tfobj.data.source import PreparedSource
from tfobj.errors import UserError

FACTORS = {**parts.FACTORS, "name": tfds.features.Sequence(tfds.features.Text(), length=parts.OBJECTS)}


class ReleaseTest(MemoryTestCase):
    """Prepared releases: a recipe's splits, texts, damage."""

    def store(self, num_shards=2):
        """Prepares a release in place of `tetrominoes`; returns its builder."""
        examples = {"train": [self.example(i) for i in range(7)], "test": [self.example(i) for i in range(7, 11)]}
        features = {**parts.STILL, "objects": FACTORS}
        builder = stored_sets.store(self.directory, features, examples, "official", num_shards)
        self.place = os.path.join(self.directory, "tetrominoes", "official", "1.0.0")
        shutil.copytree(builder.data_path, self.place)
        return builder

    def example(self, i):
        """Example i, with texts of several lengths."""
        example = parts.example(i)
        return {**example, "objects": {**example["objects"], "name": ["ü" * i, "", "name"]}}

    def config(self, **knobs):
        """The place of `store`."""
        return super().config("tetrominoes", dataset_config="official", **knobs)

    def test_every_part_and_the_splits_of_a_recipe(self):
        builder = self.store()
        views = {"train": (2, 9), "validation": (0, 2), "test": (9, 11)}
        with unittest.mock.patch.dict(recipes.SPLITS, {("genesis", "stored_set"): views}):
            for knobs in ({"preprocessing": "genesis"}, {}, {"preprocessing": "genesis", "splits": "stored"}):
                data = self.config(**knobs)
                mine, other = memory.open_source(data), PreparedSource(builder, data)
                self.assertEqual((mine.class_names, mine.fingerprint()), (other.class_names, other.fingerprint()))
                for split in ("train", "test"):
                    count = other.num_examples(split)
                    self.assertEqual(mine.num_examples(split), count)
                    expected = other.batch(other.read(split, range(count)), factors=True)
                    self.assert_same(mine.take(split, range(count), factors=True), expected)
                    np.testing.assert_array_equal(mine.object_counts(split), other.object_counts(split))
                    for factor in ("code", "name"):
                        codes, names = mine.object_classes(split, factor)
                        expected, other_names = other.object_classes(split, factor)
                        np.testing.assert_array_equal(codes, expected)
                        self.assertEqual(names, other_names)
                with self.assertRaisesRegex(UserError, "no split 'tset'; it has test, train"):
                    mine.num_examples("tset")

    def test_arrays_follow_the_files(self):
        self.store()
        before = memory.open_source(self.config()).take("train", range(7))["image"]
        shutil.rmtree(self.place)
        self.example = lambda i: ReleaseTest.example(self, i + 1)
        shutil.rmtree(os.path.join(self.directory, "stored_set"))
        self.store()
        np.testing.assert_array_equal(memory.open_source(self.config()).take("train", range(6))["image"], before[1:])

    def test_a_damaged_record(self):
        self.store(num_shards=1)
        path = next(os.path.join(self.place, name) for name in os.listdir(self.place) if "-train.tf" in name)
        with open(path, "rb") as file:
            content = bytearray(file.read())
        position = content.index(b"IDAT", len(content) // 2)
        content[position:position + 4] = b"IDOT"
        with open(path, "wb") as file:
            file.write(content)
        with self.assertRaisesRegex(UserError, "split train: example [34] cannot be read .*--check"):
            memory.open_source(self.config()).take("train", [0])
        self.assertEqual(memory.open_source(self.config()).num_examples("test"), 4)

    def test_a_damaged_description(self):
        self.store()
        with open(os.path.join(self.place, "features.json"), "w", encoding="utf-8") as file:
            file.write('{"featuresDict": {}}')
        with self.assertRaisesRegex(UserError, "features.json cannot be read .*prepare the data set again"):
            memory.open_source(self.config())

    def test_what_is_not_prepared(self):
        with self.assertRaisesRegex(UserError, "tetrominoes/official is not prepared; run `python -m tfobj.prepare "
                                    ".*` on a machine with TensorFlow, and copy .*/tetrominoes/official/1.0.0 to this"):
            memory.open_source(self.config())
        with self.assertRaisesRegex(UserError, "--dataset_config='tiny' does not exist for sketchy; use official"):
            memory.open_source(MemoryTestCase.config(self, "sketchy"))


class PicturesAloneTest(MemoryTestCase):
    def test_nothing_is_known_about_objects(self):
        builder = stored_sets.store(self.directory, parts.PicturesAloneTest.features,
                                    {"train": [parts.PicturesAloneTest.make(i) for i in range(4)]}, "official")
        shutil.copytree(builder.data_path, os.path.join(self.directory, "sketchy", "official", "1.0.0"))
        data = self.config("sketchy", dataset_config="official")
        source = memory.open_source(data)
        self.assertEqual((source.has_masks, source.has_factors, source.max_objects), (False, False, None))
        self.assertEqual(set(source.take("train", [1], factors=True)), {"image"})
        for knobs, expected in (({"max_objects": 3}, "--dataset=stored_set does not say how many"),
                                ({"exclude_objects": "shape:cube"}, "does not say the 'shape' of its objects; leave")):
            with self.assertRaisesRegex(UserError, expected):
                memory.MemoryTrainingInput(source, DataConfig(**knobs), 2, 0)


if __name__ == "__main__":
    unittest.main()
