"""What batches hold: sequences, factors, data without masks, against TFDS' own decoding."""

import tempfile
import unittest

import numpy as np
import tensorflow_datasets as tfds

from tests.data import stored_sets
from tfobj.config import DataConfig
from tfobj.data import pipeline
from tfobj.data.source import PreparedSource
from tfobj.errors import UserError

COUNT, FRAMES, OBJECTS = 7, 5, 3
FACTORS = {
    "shape": tfds.features.Sequence(tfds.features.ClassLabel(names=["cube", "sphere"]), length=OBJECTS),
    "code": tfds.features.Sequence(tfds.features.ClassLabel(num_classes=5), length=OBJECTS),
    "position": tfds.features.Tensor(shape=(OBJECTS, 2), dtype=np.float32),
    "metal": tfds.features.Tensor(shape=(OBJECTS,), dtype=np.bool_),
    "level": tfds.features.Tensor(shape=(OBJECTS,), dtype=np.uint8),
}


def example(i):
    """Example i of a set of single pictures with everything."""
    rng = np.random.default_rng(i)
    objects = {"shape": rng.integers(0, 2, OBJECTS), "code": rng.integers(0, 5, OBJECTS),
               "position": rng.random((OBJECTS, 2), np.float32), "metal": rng.random(OBJECTS) < 0.5,
               "level": rng.integers(0, 256, OBJECTS, np.uint8)}
    return {"image": stored_sets.pixels(i), "mask": stored_sets.pixels(i + 50, 1) % 4,
            "background": stored_sets.pixels(i + 90, 1), "visibility": np.arange(OBJECTS + 1) <= i % 3,
            "num_objects": i % 3, "objects": objects, "id": f"train/{i}"}


def sequence(i):
    """Example i of a set of sequences."""
    return {"image": stored_sets.pixels(i, 3, FRAMES), "mask": stored_sets.pixels(i + 50, 1, FRAMES),
            "background": stored_sets.pixels(i + 90, 1, FRAMES), "visibility": np.arange(OBJECTS + 1) <= 2,
            "camera": np.random.default_rng(i).random((FRAMES, 2), np.float32), "id": f"train/{i}"}


STILL = {"image": stored_sets.picture(), "mask": stored_sets.picture(1), "background": stored_sets.picture(1),
         "visibility": tfds.features.Tensor(shape=(OBJECTS + 1,), dtype=np.bool_), "num_objects": np.int32,
         "objects": FACTORS, "id": tfds.features.Text()}
MOVING = {"image": stored_sets.picture(3, FRAMES), "mask": stored_sets.picture(1, FRAMES),
          "background": stored_sets.picture(1, FRAMES),
          "visibility": tfds.features.Tensor(shape=(OBJECTS + 1,), dtype=np.bool_),
          "camera": tfds.features.Tensor(shape=(FRAMES, 2), dtype=np.float32), "id": tfds.features.Text()}


class PartsTestCase(unittest.TestCase):
    """One set per class."""

    features, make = STILL, staticmethod(example)

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.builder = stored_sets.store(directory.name, cls.features, {"train": [cls.make(i) for i in range(COUNT)]})

    def open(self, **knobs):
        """A source of the set."""
        return PreparedSource(self.builder, DataConfig(**knobs))

    def decoded(self):
        """All examples as TFDS decodes them, stacked."""
        return next(iter(self.builder.as_dataset(split="train").batch(COUNT).as_numpy_iterator()))


class FactorsTest(PartsTestCase):
    def test_batches_equal_what_tfds_decodes(self):
        source, expected = self.open(), self.decoded()
        batch = source.batch(source.read("train", range(COUNT)), factors=True)
        self.assertEqual(set(batch), {"image", "mask", "num_objects", "objects", "visibility", "background"})
        self.assertEqual(set(batch["objects"]), set(FACTORS))
        for name in FACTORS:
            self.assertEqual(batch["objects"][name].dtype, expected["objects"][name].dtype, name)
            np.testing.assert_array_equal(batch["objects"][name], expected["objects"][name], name)
        for name in ("image", "visibility", "num_objects"):
            np.testing.assert_array_equal(batch[name], expected[name], name)
        for name in ("mask", "background"):
            np.testing.assert_array_equal(batch[name], expected[name][..., 0], name)

    def test_only_what_is_asked_for(self):
        source = self.open()
        records = source.read("train", [1, 2])
        self.assertEqual(set(source.batch(records)), {"image", "mask", "num_objects"})
        self.assertEqual(set(source.batch(records, masks=False)), {"image", "num_objects"})
        self.assertTrue(source.has_factors)
        self.assertEqual(source.class_names, {"shape": ("cube", "sphere"), "code": tuple("01234")})

    def test_background_and_mask_are_resized_alike(self):
        source = self.open(image_size="8x16")
        batch = source.batch(source.read("train", [0]), factors=True)
        expected = self.decoded()["background"][0, ..., 0]
        rows = [0, 1, 1, 2, 3, 4, 4, 5]  # floor((i + 0.5) * 6 / 8)
        np.testing.assert_array_equal(batch["background"][0], expected[rows].repeat(2, 1))

    def test_through_the_pipeline(self):
        data = pipeline.TrainingInput(self.open(), DataConfig(), 3, 0, factors=True)
        batch = next(iter(data.dataset()))
        self.assertEqual(batch["objects"]["position"].shape, (3, OBJECTS, 2))
        self.assertNotIn("mask", batch)
        data = pipeline.TrainingInput(self.open(), DataConfig(), 3, 0, masks=True)
        self.assertEqual(set(data.dataset().element_spec), {"image", "mask", "num_objects"})
        data = pipeline.EvaluationInput(self.open(), DataConfig(), "train", 0, 4, factors=True)
        batch = next(iter(data.dataset()))
        np.testing.assert_array_equal(batch["objects"]["code"], self.decoded()["objects"]["code"][:4])
        np.testing.assert_array_equal(data.examples(2)["objects"]["level"], self.decoded()["objects"]["level"][:2])


class SequencesTest(PartsTestCase):
    features, make = MOVING, staticmethod(sequence)

    def test_all_frames(self):
        source, expected = self.open(), self.decoded()
        self.assertEqual((source.num_frames, source.image_shape), (FRAMES, (*stored_sets.SIZE, 3)))
        batch = source.batch(source.read("train", range(COUNT)), factors=True)
        np.testing.assert_array_equal(batch["image"], expected["image"])
        np.testing.assert_array_equal(batch["mask"], expected["mask"][..., 0])
        np.testing.assert_array_equal(batch["background"], expected["background"][..., 0])
        np.testing.assert_array_equal(batch["camera"], expected["camera"])
        self.assertNotIn("objects", batch)

    def test_the_first_frames(self):
        source, expected = self.open(sequence_frames=3), self.decoded()
        self.assertEqual(source.num_frames, 3)
        batch = source.batch(source.read("train", range(COUNT)), factors=True)
        np.testing.assert_array_equal(batch["image"], expected["image"][:, :3])
        np.testing.assert_array_equal(batch["mask"], expected["mask"][:, :3, ..., 0])
        np.testing.assert_array_equal(batch["camera"], expected["camera"][:, :3])

    def test_the_first_frame_is_a_single_picture(self):
        source, expected = self.open(sequence_frames=1), self.decoded()
        self.assertEqual(source.num_frames, 0)
        batch = source.batch(source.read("train", range(COUNT)), factors=True)
        np.testing.assert_array_equal(batch["image"], expected["image"][:, 0])
        np.testing.assert_array_equal(batch["mask"], expected["mask"][:, 0, ..., 0])
        np.testing.assert_array_equal(batch["camera"], expected["camera"][:, 0])

    def test_frames_are_preprocessed_one_by_one(self):
        source = self.open(image_size="12x16", image_channels=1)
        whole = source.batch(source.read("train", [4]))
        first = self.open(image_size="12x16", image_channels=1, sequence_frames=1)
        self.assertEqual((whole["image"].shape, whole["mask"].shape), ((1, FRAMES, 12, 16, 1), (1, FRAMES, 12, 16)))
        np.testing.assert_array_equal(first.batch(first.read("train", [4]))["image"], whole["image"][:, 0])

    def test_shapes_in_the_pipeline_are_static(self):
        data = pipeline.TrainingInput(self.open(), DataConfig(), 2, 0)
        self.assertEqual(data.dataset().element_spec["image"].shape, (2, FRAMES, *stored_sets.SIZE, 3))

    def test_too_many_frames(self):
        with self.assertRaisesRegex(UserError, "--sequence_frames=6, but .* has 5 frames per example; use fewer"):
            self.open(sequence_frames=6)


class PicturesAloneTest(PartsTestCase):
    """No masks, no factors, nothing about objects."""

    features = {"image": stored_sets.picture(), "id": tfds.features.Text()}
    make = staticmethod(lambda i: {"image": stored_sets.pixels(i), "id": str(i)})

    def test_batches(self):
        source = self.open()
        self.assertEqual((source.has_masks, source.has_factors, source.max_objects), (False, False, None))
        batch = source.batch(source.read("train", [2, 5]), factors=True)
        self.assertEqual(set(batch), {"image"})
        np.testing.assert_array_equal(batch["image"], self.decoded()["image"][[2, 5]])

    def test_filters_are_refused(self):
        for knobs, expected in (({"max_objects": 3}, "--min_objects/--max_objects: --dataset=stored_set does not say"),
                                ({"exclude_objects": "shape:cube"}, "does not say the 'shape' of its objects; leave")):
            with self.assertRaisesRegex(UserError, expected):
                pipeline.TrainingInput(self.open(), DataConfig(**knobs), 2, 0)

    def test_frames_of_single_pictures(self):
        self.assertEqual(self.open(sequence_frames=1).num_frames, 0)
        with self.assertRaisesRegex(UserError, "--sequence_frames=2, but .* has single pictures; use 0"):
            self.open(sequence_frames=2)

    def test_images_of_unknown_size(self):
        with tempfile.TemporaryDirectory() as directory:
            features = {"image": tfds.features.Image(shape=(None, None, 3))}
            builder = stored_sets.store(directory, features, {"train": [{"image": stored_sets.pixels(0)}]})
            with self.assertRaisesRegex(UserError, "images of shape .None, None, 3.; pictures .H,W,C. of one size"):
                PreparedSource(builder, DataConfig())


if __name__ == "__main__":
    unittest.main()
