"""Preprocessing against the reference's CLEVR pipeline: rescale to [-1,1], crop, bilinear resize, clip.

The stored archive keeps the cropped case, with the pixels that the crop discards set to zero; every key
`clevr/<name>_<size>` of another archive is checked as well.
"""

import re
import unittest

from tests import golden_arrays
from tfobj.data import preprocessing

_CASE = re.compile(r"clevr/(image480_|)(nocrop|crop)_\d+$")
FLOAT32 = 1e-5


class GoldenSlotAttentionPreprocessingTest(unittest.TestCase):
    """The recipe `slot_attention`, and the same resize without a crop."""

    def test_golden_slot_attention_misc_preprocessing(self):
        arrays = golden_arrays.load("slot_attention_misc")
        cases = [match for match in map(_CASE.match, arrays) if match]
        self.assertTrue(cases)
        for case in cases:
            with self.subTest(case[0]):
                image = arrays["clevr/image480_uint8" if case[1] else "clevr/image_uint8"]
                expected = arrays[case[0]]
                size = expected.shape[:2]
                if case[2] == "crop":
                    steps = preprocessing.plan("slot_attention", image.shape, "{}x{}".format(*size))
                else:
                    height, width, channels = image.shape
                    steps = preprocessing.Preprocessing((height, width, channels), (0, height), (0, width), size)
                actual = steps.images(image[None])[0] * 2.0 - 1.0
                self.assertLess(golden_arrays.relative_error(actual, expected), FLOAT32)


if __name__ == "__main__":
    unittest.main()
