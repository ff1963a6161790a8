"""What every scene has: visibility and padded factors."""

import unittest

import numpy as np

from tfobj.data.scenes.scene import make_scene


class MakeSceneTest(unittest.TestCase):

    def make(self, mask, max_objects=3):
        mask = np.array(mask, np.uint8)
        objects = {"shape": np.array([2, 1]), "place": np.ones((2, 2), np.float32)}
        return make_scene(np.zeros((*mask.shape, 1), np.uint8), mask, max_objects, objects)

    def test_visible_objects_are_those_with_a_pixel(self):
        for mask, expected in (([[0, 1], [2, 2]], [True, True, True, False]),
                               ([[0, 0], [2, 255]], [True, False, True, False]),
                               ([[0, 0], [0, 0]], [True, False, False, False])):
            visibility = self.make(mask)["visibility"]
            self.assertEqual((visibility.tolist(), visibility.dtype), (expected, np.bool_))

    def test_the_background_is_visible_even_without_a_pixel(self):
        for mask in ([[1, 1], [2, 2]], [[255, 255], [255, 255]]):
            self.assertTrue(self.make(mask)["visibility"][0])

    def test_factors_are_padded_with_zeros(self):
        objects = self.make([[0, 1], [2, 2]])["objects"]
        np.testing.assert_array_equal(objects["shape"], [2, 1, 0])
        np.testing.assert_array_equal(objects["place"], [[1, 1], [1, 1], [0, 0]])
        self.assertEqual((objects["shape"].dtype, objects["place"].dtype), (np.int64, np.float32))


if __name__ == "__main__":
    unittest.main()
