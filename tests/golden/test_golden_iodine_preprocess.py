"""The recipe `iodine_legacy` against the pixels of the released code, on a synthetic CLEVR record.

The stored image is every third pixel of every third row; a complete one is compared as a whole.
"""

import unittest

import numpy as np

from tests import golden_arrays
from tfobj.data import preprocessing

SIZE = 128
FLOAT32 = 1e-6


def record():
    """Image uint8 [1,240,320,3] and map of entities uint8 [1,240,320,1], as the archive's description defines them."""
    row, column, channel = np.mgrid[:240, :320, :3]
    image = (7 * row + 13 * column + 29 * channel + row * column // 11) % 256
    row, column = np.mgrid[:240, :320]
    return image[None].astype(np.uint8), ((row // 17 + column // 23) % 5)[None, ..., None].astype(np.uint8)


class GoldenIodinePreprocessTest(unittest.TestCase):
    def setUp(self):
        self.arrays = golden_arrays.load("iodine_preprocess")
        self.image, self.entities = record()

    def test_golden_image(self):
        expected = self.arrays["image"]
        stride = -(-SIZE // len(expected))
        actual = preprocessing.plan("iodine_legacy", (240, 320, 3)).images(self.image)[0]
        self.assertEqual(actual.shape, (SIZE, SIZE, 3))
        self.assertLess(golden_arrays.relative_error(actual[::stride, ::stride], expected), FLOAT32)

    def test_golden_masks(self):
        actual = preprocessing.plan("iodine_legacy", (240, 320, 3)).masks(self.entities)[0]
        np.testing.assert_array_equal(actual, self.arrays["mask_ids"])

    def test_the_default_recipe_moves_one_mask_pixel_in_twenty(self):
        actual = preprocessing.plan("iodine", (240, 320, 3)).masks(self.entities)[0]
        self.assertAlmostEqual(float(np.mean(actual != self.arrays["mask_ids"])), 0.05, delta=0.01)


if __name__ == "__main__":
    unittest.main()
