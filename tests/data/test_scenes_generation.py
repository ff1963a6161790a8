"""Drawing scenes: any number of workers gives the same examples, and each can be drawn alone."""

import io
import multiprocessing
import os
import subprocess
import sys
import unittest

import numpy as np
from PIL import Image

from tfobj import registry
from tfobj.data.scenes import catalogue
from tfobj.data.scenes import generation
from tfobj.data.scenes.colored_shapes import ColoredShapesScenes
from tfobj.data.scenes.png import encode_png
from tfobj.data.scenes.scene import make_scene
from tfobj.data.scenes.tetrominoes import TetrominoesScenes
from tfobj.errors import UserError


def comparable(example):
    """An example with arrays as bytes, so that == compares everything."""
    flat = {**example, **{f"objects/{name}": value for name, value in example["objects"].items()}}
    del flat["objects"]
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in flat.items()}


class GenerationTest(unittest.TestCase):

    def test_two_workers_draw_what_one_draws(self):
        number = 2 * generation.CHUNK + 5
        one = [comparable(example) for example in generation.generate(TetrominoesScenes(), 7, "train", number)]
        two = [comparable(example) for example in generation.generate(TetrominoesScenes(), 7, "train", number, 2)]
        self.assertEqual(len(one), number)
        self.assertEqual(one, two)

    def test_stopping_early_ends_the_workers(self):
        stream = generation.generate(ColoredShapesScenes(), 0, "train", 5000, 2)
        next(stream)
        self.assertTrue(multiprocessing.active_children())
        stream.close()
        for child in multiprocessing.active_children():
            child.join(10)
        self.assertEqual(multiprocessing.active_children(), [])

    def test_a_killed_worker_is_reported(self):
        with self.assertRaisesRegex(UserError, "worker process was killed, .* memory; use fewer --workers than 2"):
            list(generation.ordered_map(os._exit, [(9,)] * 3, 2))

    def test_an_example_can_be_drawn_alone(self):
        scenes = ColoredShapesScenes()
        stream = list(generation.generate(scenes, 5, "validation", 10))
        alone = generation.encode_scene(scenes.draw(generation.example_rng(5, "validation", 9)))
        self.assertEqual(comparable(alone), comparable(stream[9]))

    def test_seeds_splits_and_indices_give_other_examples(self):
        streams = [(0, "train", 0), (1, "train", 0), (0, "test", 0), (0, "validation", 0), (0, "train", 1)]
        first = {generation.example_rng(*stream).integers(1 << 60) for stream in streams}
        self.assertEqual(len(first), 5)

    def test_workers_do_not_import_tensorflow(self):
        code = ("import sys; import tfobj.prepare; from tfobj.data.scenes import catalogue, generation; "
                "[(entry.scenes(), entry.class_names) for group in catalogue.SETS.values() "
                "for entry in group.values()]; "
                "print(sorted({'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)))")
        self.assertEqual(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout, "[]\n")

    def test_png_is_lossless(self):
        rng = np.random.default_rng(0)
        for shape in ((35, 31, 3), (8, 9, 1), (5, 4)):
            image = rng.integers(0, 256, shape, np.uint8)
            decoded = np.asarray(Image.open(io.BytesIO(encode_png(image))))
            np.testing.assert_array_equal(decoded.reshape(shape), image)

    def test_scene_pads_factors_and_derives_visibility(self):
        mask = np.array([[0, 2], [2, 255]], np.uint8)
        scene = make_scene(np.zeros((2, 2, 3), np.uint8), mask, 3, {"row": np.array([1.0, 2.0], np.float32)})
        np.testing.assert_array_equal(scene["visibility"], [True, False, True, False])
        np.testing.assert_array_equal(scene["objects"]["row"], [1.0, 2.0, 0.0])


class CatalogueTest(unittest.TestCase):
    """Every entry of the catalogue, few examples each."""

    def setUp(self):
        self.entries = [(f"{name}/{variant}", drawn) for name, group in catalogue.SETS.items()
                        for variant, drawn in group.items()]

    def test_two_workers_draw_what_one_draws_and_each_example_can_be_drawn_alone(self):
        tasks = [(drawn.scenes(), catalogue.SEED, "test", start, start + 1) for _, drawn in self.entries
                 for start in (0, 1)]
        two = [comparable(example) for chunk in generation.ordered_map(generation._encode_range, tasks, 2)
               for example in chunk]
        for (name, drawn), pair in zip(self.entries, zip(two[::2], two[1::2]), strict=True):
            one = [comparable(example) for example in generation.generate(drawn.scenes(), catalogue.SEED, "test", 2)]
            self.assertEqual(list(pair), one, name)
            alone = generation.encode_scene(drawn.scenes().draw(generation.example_rng(catalogue.SEED, "test", 1)))
            self.assertEqual(comparable(alone), one[1], name)

    def test_factors_that_are_classes_exist_and_have_a_name_for_every_number(self):
        for name, drawn in self.entries:
            scene = drawn.scenes().draw(generation.example_rng(catalogue.SEED, "test", 0))
            for factor, names in drawn.class_names.items():
                self.assertTrue(np.issubdtype(scene["objects"][factor].dtype, np.integer), f"{name} {factor}")
                self.assertLess(scene["objects"][factor].max(), len(names), f"{name} {factor}")
            integers = {factor for factor, values in scene["objects"].items()
                        if values.size and np.issubdtype(values.dtype, np.integer)}
            self.assertEqual(integers, set(drawn.class_names), name)

    def test_names_are_those_of_the_registry(self):
        for name, group in catalogue.SETS.items():
            self.assertLessEqual(set(group), set(registry.DATASETS[name].variants or ("",)), name)
        self.assertIsNone(catalogue.find("sketchy"))
        self.assertIsNone(catalogue.find("clevr_masks", "clevr11"))

    def test_tiny_sets_have_the_splits_of_the_whole_ones(self):
        self.assertEqual(catalogue.find("clevrtex", "outd").sizes("tiny"), {"test": 16})
        self.assertEqual(catalogue.find("clevr_masks", "clevr6").sizes("tiny"), catalogue.TINY_SIZES)
        self.assertEqual(catalogue.find("tetrominoes").sizes("generated")["train"], 60_000)


if __name__ == "__main__":
    unittest.main()
