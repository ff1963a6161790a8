"""Squared errors and their two normalisations."""

import unittest

import numpy as np

from tfobj.metrics import reconstruction
from tfobj.metrics import reference


class MeanSquaredErrorTest(unittest.TestCase):

    def test_closed_form(self):
        image, guess = np.zeros((2, 4, 5, 3), np.float32), np.stack([np.full((4, 5, 3), 0.5), np.ones((4, 5, 3))])
        np.testing.assert_allclose(reconstruction.mse_mean(image, guess), [0.25, 1.0])
        np.testing.assert_allclose(reconstruction.mse_sum(image, guess), [15.0, 60.0])

    def test_equals_float64_reference(self):
        generator = np.random.default_rng(0)
        image, guess = generator.random((2, 3, 16, 16, 1))
        np.testing.assert_allclose(reconstruction.mse_mean(image, guess), reference.mse_mean(image, guess), rtol=1e-6)
        np.testing.assert_allclose(reconstruction.mse_sum(image, guess), reference.mse_sum(image, guess), rtol=1e-6)


if __name__ == "__main__":
    unittest.main()
