"""Data as arrays: the same examples as through TensorFlow, in the same order, drawn here or prepared before."""

import os
import unittest
import unittest.mock

import numpy as np
import tensorflow as tf

from tests.data.memory_case import MemoryTestCase
from tfobj.config import DataConfig
from tfobj.data import drawn_examples
from tfobj.data import memory
from tfobj.data import pipeline
from tfobj.data import prepared
from tfobj.data import source as sources
from tfobj.data.scenes import catalogue
from tfobj.data.source import PreparedSource

FEW = {"train": 4, "validation": 2, "test": 1}


class EqualToTensorFlowTest(MemoryTestCase):
    """Against the prepared set that TensorFlow reads."""

    def check(self, data, interpolated=False, batch_size=4):
        """Compares training and evaluation of a drawn set with those of the prepared one."""
        mine = memory.open_source(data)
        self.assertFalse(os.path.exists(os.path.join(self.directory, data.dataset)))
        prepared.prepare_dataset(data, split_sizes=catalogue.TINY_SIZES)
        self.compare(mine, sources.open_source(data), data, interpolated, batch_size)
        self.compare(memory.open_source(data), sources.open_source(data), data, interpolated, batch_size)

    def compare(self, mine, other, data, interpolated=False, batch_size=4):
        """Compares two sources."""
        for name in ("image_shape", "num_frames", "max_objects", "has_masks", "has_factors", "class_names"):
            self.assertEqual(getattr(mine, name), getattr(other, name), name)
        self.assertEqual(mine.fingerprint(), other.fingerprint())
        first = memory.MemoryTrainingInput(mine, data, batch_size, 3, masks=True, factors=True)
        second = pipeline.TrainingInput(other, data, batch_size, 3, masks=True, factors=True)
        self.assertEqual((first.num_examples, first.steps_per_epoch), (second.num_examples, second.steps_per_epoch))
        spec = second.dataset().element_spec["image"]
        self.assertEqual((first.images.dtype, first.images.shape[1:]), (spec.dtype.as_numpy_dtype, spec.shape[1:]))
        start = second.steps_per_epoch - 1  # across the end of an epoch
        for step, batch in enumerate(second.dataset(start).take(3).as_numpy_iterator(), start=start):
            self.assert_same(first.batch(step), batch, interpolated)
            rows = tf.nest.map_structure(lambda values, step=step: values[first.rows(step)], first.examples)
            parts = [name for name in ("image", "visibility", "objects") if name in batch]
            self.assert_same(rows, memory.without_texts({name: batch[name] for name in parts}), interpolated)
        first = memory.MemoryEvaluationInput(mine, data, "validation", 0, batch_size, factors=True)
        second = pipeline.EvaluationInput(other, data, "validation", 0, batch_size, factors=True)
        self.assertEqual((first.num_examples, first.num_batches), (second.num_examples, second.num_batches))
        for actual, expected in zip(first.batches(), second.dataset().as_numpy_iterator(), strict=True):
            self.assert_same(actual, expected, interpolated)
        examples = first.examples(first.num_examples)
        self.assert_same(second.examples(first.num_examples), examples, interpolated)
        if mine.has_factors:
            described = {name: examples[name] for name in ("visibility", "objects")}
            self.assert_same(first.factors(), described)
            self.assert_same(second.factors(), described)

    def test_images_as_they_are(self):
        self.check(self.config())

    def test_numbered_classes(self):
        self.check(self.config("tetrominoes", preprocessing="genesis"))

    def test_one_channel_made_three(self):
        self.check(self.config("multi_dsprites", dataset_variant="binarized", image_channels=3))

    def test_interpolated_images(self):
        self.check(self.config(preprocessing="ast", image_size="48x40", image_channels=1), interpolated=True)

    def test_filters(self):
        self.check(self.config(min_objects=3, exclude_objects="shape:disc",
                               require_objects="shape:square", num_train_examples=50), batch_size=3)

    def test_few_examples_of_all_sorts(self):
        with unittest.mock.patch.dict(catalogue.TINY_SIZES, FEW):
            rooms = {"dataset": "objects_room", "dataset_variant": "sequences"}
            self.check(self.config(**rooms), batch_size=3)
            for knobs in ({"sequence_frames": 3, "image_size": "32"}, {"sequence_frames": 1}):
                data = self.config(**rooms, **knobs)
                self.compare(memory.open_source(data), sources.open_source(data), data, "image_size" in knobs, 3)
            self.check(self.config("clevrtex", dataset_variant="vbg", exclude_objects="shape:torus,color:green"),
                       batch_size=2)
            self.check(self.config("shapestacks"), batch_size=3)


class DrawnPartsTest(unittest.TestCase):
    """Every set that can be drawn against the features of its builder."""

    def test_types_shapes_and_names(self):
        builders = prepared.catalogue(DataConfig(data_dir="/nowhere"))
        for name, group in catalogue.SETS.items():
            for variant, drawn in group.items():
                builder = next(one for one in builders[name] if one.builder_config.variant == variant
                               and one.builder_config.source == "generated")
                source = PreparedSource(builder, DataConfig())
                spec = builder.info.features.get_tensor_spec()
                expected = {f"objects.{factor}": value for factor, value in spec.pop("objects", {}).items()}
                expected.update({part: spec[part] for part in ("image", "mask", "background", "visibility", "camera")
                                 if part in spec})
                arrays = drawn_examples.draw(drawn.scenes(), 0, "test", 0, 1)
                actual = {part: values[..., None] if part in ("mask", "background") else values
                          for part, values in arrays.items()}
                self.assertEqual({part: (values.shape[1:], values.dtype.name) for part, values in actual.items()},
                                 {part: (tuple(value.shape), value.dtype.name) for part, value in expected.items()},
                                 f"{name}/{variant}")
                self.assertEqual(drawn.class_names, source.class_names, f"{name}/{variant}")


class TensorFlowFromMemoryTest(MemoryTestCase):
    """--input=memory behind the input pipeline."""

    def test_batches_equal_those_of_files(self):
        data = self.config(min_objects=3)
        prepared.prepare_dataset(data)
        held = self.config(min_objects=3, input="memory")
        for masks, factors in ((False, False), (True, True)):
            first = pipeline.TrainingInput(sources.open_source(data), data, 4, 1, masks, factors)
            second = pipeline.TrainingInput(sources.open_source(held), held, 4, 1, masks, factors)
            self.assertEqual(first.dataset().element_spec, second.dataset().element_spec)
            for cut in ((5,), (5, 2, 1, 2)):
                pairs = zip(first.dataset(*cut).take(4), second.dataset(*cut).take(4), strict=True)
                for expected, actual in pairs:
                    tf.nest.map_structure(np.testing.assert_array_equal, actual, expected)
        first = pipeline.EvaluationInput(sources.open_source(data), data, "test", 0, 4, factors=True)
        second = pipeline.EvaluationInput(sources.open_source(held), held, "test", 0, 4, factors=True)
        for expected, actual in zip(first.dataset(), second.dataset(), strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, actual, expected)
        tf.nest.map_structure(np.testing.assert_array_equal, second.examples(3), first.examples(3))

    def test_validation_examples_are_made_before_training_begins(self):
        source = memory.open_source(self.config())
        memory.MemoryEvaluationInput(source, self.config(), "validation", 4, 2)
        (arrays,) = os.listdir(os.path.join(self.directory, "arrays"))
        self.assertIn("validation", os.listdir(os.path.join(self.directory, "arrays", arrays)))

    def test_nothing_has_to_be_prepared(self):
        data = self.config(input="memory")
        batch = next(iter(pipeline.TrainingInput(sources.open_source(data), data, 4, 1).dataset()))
        self.assertEqual(batch["image"].shape, (4, 32, 32, 3))
        self.assertEqual(os.listdir(self.directory), ["arrays"])


if __name__ == "__main__":
    unittest.main()
