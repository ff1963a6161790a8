"""Noise on the host: per example, independent of the batch."""

import unittest

import numpy as np

from tfobj.noise import NoiseSpec, example_noise

SPEC = {"slots": NoiseSpec((None, 5, 8)), "order": NoiseSpec((7, 6), "uniform")}


class ExampleNoiseTest(unittest.TestCase):
    def test_shapes_and_types_follow_the_specification(self):
        noise = example_noise(SPEC, 0, [3, 1, 4])
        self.assertEqual({name: (value.shape, value.dtype.name) for name, value in noise.items()},
                         {"slots": ((3, 5, 8), "float32"), "order": ((3, 6), "float32")})

    def test_equal_indices_give_equal_rows_in_any_batch(self):
        noise = example_noise(SPEC, 0, [3, 1, 3])
        alone = example_noise(SPEC, 0, np.array([1], np.int64))
        for name in SPEC:
            np.testing.assert_array_equal(noise[name][0], noise[name][2])
            np.testing.assert_array_equal(noise[name][1], alone[name][0])

    def test_rows_entries_and_seeds_differ(self):
        first, second = example_noise(SPEC, 0, range(4)), example_noise(SPEC, 1, range(4))
        for name in SPEC:
            self.assertGreater(np.abs(first[name] - second[name]).min(), 0.0)
            self.assertEqual(len(np.unique(first[name])), first[name].size)
        # Neither seed + index nor seed * index stands for the pair.
        self.assertFalse(np.array_equal(example_noise(SPEC, 1, [2])["slots"], example_noise(SPEC, 2, [1])["slots"]))

    def test_order_of_the_entries_does_not_matter(self):
        reversed_spec = dict(reversed(SPEC.items()))
        for name, value in example_noise(reversed_spec, 5, [2]).items():
            np.testing.assert_array_equal(value, example_noise(SPEC, 5, [2])[name])

    def test_distributions(self):
        noise = example_noise({"normal": NoiseSpec((1, 50)), "uniform": NoiseSpec((1, 50), "uniform")}, 0, range(400))
        self.assertAlmostEqual(float(noise["normal"].mean()), 0.0, delta=0.03)
        self.assertAlmostEqual(float(noise["normal"].std()), 1.0, delta=0.03)
        self.assertGreater(noise["normal"].max(), 3.0)
        self.assertAlmostEqual(float(noise["uniform"].mean()), 0.5, delta=0.01)
        self.assertAlmostEqual(float(noise["uniform"].std()), 12**-0.5, delta=0.01)
        self.assertTrue(noise["uniform"].min() >= 0.0 and noise["uniform"].max() < 1.0)

    def test_numbers_stay_the_same_between_versions(self):
        """Scores and segmentations that were published with a seed must come out again."""
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([7, 11])))
        order = generator.random(6).astype(np.float32)
        slots = generator.standard_normal((5, 8)).astype(np.float32)
        noise = example_noise(SPEC, 7, [11])
        np.testing.assert_array_equal(noise["order"][0], order)
        np.testing.assert_array_equal(noise["slots"][0], slots)
