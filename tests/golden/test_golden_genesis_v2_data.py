"""The recipes `genesis` and `ast` and masks of records against the released GENESIS-V2 loaders, on synthetic frames.

The stored CLEVR image is every third pixel of every third row; a complete one is compared as a whole.
"""

import unittest

import numpy as np

from tests import golden_arrays
from tfobj.data import preprocessing
from tfobj.data import records


def frame(height, width):
    """Waves, uint8 [1,H,W,3], as the archive's description defines them."""
    y, x, c = np.mgrid[:height, :width, :3].astype(np.float64)
    phase = 2.0 * np.pi * (3.0 * y * (1.0 + c) / height + 4.0 * x * (3.0 - c) / width) + c
    return np.floor(127.5 + 127.5 * np.sin(phase))[None].astype(np.uint8)


class GoldenGenesisV2DataTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("genesis_v2_data")

    def test_golden_clevr_takes_the_same_pixels(self):
        expected = self.arrays["clevr.rgb128"]
        stride = -(-128 // len(expected))
        actual = preprocessing.plan("genesis", (240, 320, 3)).images(frame(240, 320))[0]
        np.testing.assert_array_equal(actual[::stride, ::stride], expected)

    def test_golden_shapestacks_within_one_gray_level(self):
        for recipe in ("genesis", "ast"):
            steps = preprocessing.plan(recipe, (224, 224, 3))
            levels = np.round(steps.images(frame(224, 224))[0].numpy() * 255.0)
            self.assertLessEqual(np.max(np.abs(levels - self.arrays["shapestacks.rgb64"].astype(np.int32))), 1, recipe)

    def test_golden_shapestacks_crop_and_labels(self):
        np.testing.assert_array_equal(frame(224, 224)[0, 14:16, 14:16], self.arrays["shapestacks.crop_corner"])
        labels = self.arrays["shapestacks.map_channel0"][None, ..., None] // 32
        for recipe in ("genesis", "ast"):
            actual = preprocessing.plan(recipe, (224, 224, 3)).masks(labels)[0]
            np.testing.assert_array_equal(actual, self.arrays["shapestacks.labels64"])

    def test_golden_objects_room_labels(self):
        """There, the objects of the planes 4 to 6 are the labels 5 to 7, here 1 to 3."""
        for planes, labels in zip(self.arrays["objects_room.mask"], self.arrays["objects_room.labels"]):
            family = records.FAMILIES["objects_room/train"]
            actual = records.label_map(planes[..., 0], family.background_entities)
            np.testing.assert_array_equal(np.array([0, 5, 6, 7])[actual], labels)


if __name__ == "__main__":
    unittest.main()
