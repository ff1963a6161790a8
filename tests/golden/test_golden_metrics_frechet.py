"""The Frechet distance of the reference implementation."""

import unittest

from tests import golden_arrays
from tfobj.frechet_run import eight_bits
from tfobj.metrics.frechet import FeatureStatistics, frechet_distance

# Of 20 vectors in 32 dimensions: the square root of a singular matrix holds rounding only, which no two libraries share.
TOLERANCES = {"same_distribution": 1e-5, "shifted": 1e-5, "scaled": 1e-5, "rank_deficient": 1e-3}


def statistics_of(features, batch_size):
    statistics = FeatureStatistics(features.shape[1])
    for start in range(0, len(features), batch_size):
        statistics.add(features[start:start + batch_size])
    return statistics


class GoldenFrechetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("metrics_frechet")

    def test_golden_frechet_distances(self):
        for name, tolerance in TOLERANCES.items():
            first, second = (statistics_of(self.arrays[f"{name}_{side}"], 7) for side in "xy")
            error = golden_arrays.relative_error(frechet_distance(first, second), self.arrays[f"{name}_frechet"])
            self.assertLess(error, tolerance, name)

    def test_golden_frechet_of_identical_sets_is_zero(self):
        features = self.arrays["same_distribution_x"]
        distance = frechet_distance(statistics_of(features, 400), statistics_of(features, 9))
        self.assertAlmostEqual(distance, float(self.arrays["identical_frechet"]), delta=1e-10)

    def test_golden_statistics_distance_and_levels_of_genesis_v2(self):
        arrays = golden_arrays.load("genesis_v2_metrics")
        sets = [statistics_of(arrays[f"fid.feat{number}"], 64) for number in (1, 2)]
        for number, statistics in enumerate(sets, start=1):
            for name, value in (("mu", statistics.mean), ("sigma", statistics.covariance)):
                self.assertLess(golden_arrays.relative_error(value, arrays[f"fid.{name}{number}"]), 1e-10, name)
        self.assertLess(golden_arrays.relative_error(frechet_distance(*sets), arrays["fid.value"]), 1e-6)
        levels = eight_bits(arrays["quantise.x"])
        self.assertEqual(golden_arrays.relative_error(levels, arrays["quantise.uint8"]), 0.0)


if __name__ == "__main__":
    unittest.main()
