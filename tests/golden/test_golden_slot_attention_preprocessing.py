"""Preprocessing against the reference's CLEVR pipeline: rescale to [-1,1], crop, bilinear resize, clip.

The stored archive keeps the cropped case and every fifth pixel of the whole 320x480 frame; pixels that nothing depends
on are zero. Every key `clevr/<name>_<size>` of another archive is checked as well.
"""

import re
import unittest

from tests import golden_arrays
from tfobj.data import preprocessing

_CASE = re.compile(r"clevr/(image480_|)(nocrop|crop)_(\d+)$")
_RECIPES = {"crop": "slot_attention", "nocrop": "slot_attention_properties"}
FLOAT32 = 1e-5


class GoldenSlotAttentionPreprocessingTest(unittest.TestCase):
    """The recipe of object discovery, with a crop, and that of set prediction, without."""

    def test_golden_slot_attention_misc_preprocessing(self):
        arrays = golden_arrays.load("slot_attention_misc")
        cases = [match for match in map(_CASE.match, arrays) if match]
        self.assertEqual({case[2] for case in cases}, set(_RECIPES))
        for case in cases:
            with self.subTest(case[0]):
                image = arrays["clevr/image480_uint8" if case[1] else "clevr/image_uint8"]
                steps = preprocessing.plan(_RECIPES[case[2]], image.shape)
                self.assertEqual(steps.image_shape, (int(case[3]), int(case[3]), 3))
                stride = -(-int(case[3]) // len(arrays[case[0]]))
                actual = steps.images(image[None])[0, ::stride, ::stride] * 2.0 - 1.0
                self.assertLess(golden_arrays.relative_error(actual, arrays[case[0]]), FLOAT32)


if __name__ == "__main__":
    unittest.main()
