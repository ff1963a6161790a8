"""Images that are preprocessed when they are asked for."""

import unittest
import unittest.mock

import numpy as np

from tfobj.data import framing
from tfobj.data import lazy_images


class LazyImagesTest(unittest.TestCase):
    def setUp(self):
        self.native = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), np.uint8)
        self.positions = np.arange(39, -1, -2)

    def images(self, free=1 << 40, **options):
        """Lazy images of every other native one, backwards, with so many bytes of free memory."""
        plan = framing.plan("none", (12, 10, 3), "8x16", **options)
        with unittest.mock.patch("tfobj.data.machine.free_memory", return_value=free):
            return lazy_images.LazyImages(self.native, self.positions, plan), plan.images(self.native[self.positions])

    def test_whatever_selects_rows(self):
        for free in (0, 1 << 40):
            images, expected = self.images(free)
            self.assertEqual((images.shape, images.dtype, images.nbytes), (expected.shape, np.float32, expected.nbytes))
            for key in (3, slice(2, 11, 3), np.array([5, 5, 0]), np.array([[1, 2], [19, 2]]), [4], -1):
                np.testing.assert_array_equal(images[key], expected[key], str(key))
            np.testing.assert_array_equal(np.ascontiguousarray(images), expected)

    def test_more_rows_than_are_computed_at_once(self):
        images, expected = self.images()
        with unittest.mock.patch.object(lazy_images, "_ROWS_AT_ONCE", 7):
            images[[3, 8]]
            np.testing.assert_array_equal(np.asarray(images), expected)

    def test_results_are_kept_if_there_is_memory(self):
        for free, calls in ((4 * 20 * 8 * 16 * 3 * 4, 1), (4 * 20 * 8 * 16 * 3 * 4 - 1, 2)):
            images, expected = self.images(free)
            with unittest.mock.patch.object(framing.resizing, "interpolate", wraps=framing.resizing.interpolate) as spy:
                for _ in range(2):
                    np.testing.assert_array_equal(images[[7, 2, 7]], expected[[7, 2, 7]])
            self.assertEqual(spy.call_count, calls)


if __name__ == "__main__":
    unittest.main()
