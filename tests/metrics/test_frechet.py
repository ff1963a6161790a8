"""Streamed statistics and the Frechet distance in closed forms."""

import unittest

import numpy as np

from tfobj.errors import UserError
from tfobj.metrics.frechet import FeatureStatistics, frechet_distance


def statistics_of(features, *sizes):
    statistics = FeatureStatistics(features.shape[1])
    for part in np.split(features, np.cumsum(sizes)):
        statistics.add(part)
    return statistics


class FrechetTest(unittest.TestCase):
    def test_batches_do_not_change_mean_and_covariance(self):
        features = np.random.default_rng(0).normal(1e4, 1.0, (50, 4)).astype(np.float32)
        for sizes in ((), (1, 30), (0, 7, 7)):
            statistics = statistics_of(features, *sizes)
            self.assertEqual(statistics.count, 50)
            np.testing.assert_allclose(statistics.mean, features.astype(np.float64).mean(axis=0), rtol=1e-14)
            np.testing.assert_allclose(statistics.covariance, np.cov(features.astype(np.float64).T), rtol=1e-9)

    def test_diagonal_covariances_have_a_closed_form(self):
        base = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # covariance 4/3 on the diagonal
        first, second = statistics_of(base), statistics_of(3.0 * base + [2.0, 0.0])
        self.assertAlmostEqual(frechet_distance(first, second), 4.0 + 2 * 4 / 3 * (1.0 + 9.0 - 2 * 3.0), places=9)

    def test_constant_features_have_a_distance(self):
        first, second = (statistics_of(np.full((3, 2), value)) for value in (0.0, 3.0))
        self.assertAlmostEqual(frechet_distance(first, second), 18.0, places=4)

    def test_one_vector_has_no_covariance(self):
        with self.assertRaisesRegex(UserError, "at least 2 images, not 1"):
            frechet_distance(statistics_of(np.zeros((1, 2))), statistics_of(np.zeros((3, 2))))


if __name__ == "__main__":
    unittest.main()
