"""Dropout by hashes of a seed per image."""

import unittest

import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.ops import dropout


def seeds(count=3, seed=0):
    return dropout.seeds_of(np.random.default_rng(seed).random((count, 2)))


def mixed(bits):
    """The finalizer of MurmurHash3."""
    bits = (bits ^ bits >> 16) * 0x85EBCA6B % 2**32
    bits = (bits ^ bits >> 13) * 0xC2B2AE35 % 2**32
    return bits ^ bits >> 16


class DropoutTest(unittest.TestCase):
    def test_numbers_are_uniform_and_independent(self):
        numbers = dropout.uniforms(seeds(4), (200, 300)).numpy().reshape(4, -1)
        share = np.stack([np.histogram(row, 20, (0.0, 1.0))[0] for row in numbers]) / numbers.shape[1]
        np.testing.assert_allclose(share, 0.05, atol=0.005)  # five standard deviations
        others = dropout.uniforms(dropout.fold_in(seeds(4), 1), (200, 300)).numpy().reshape(4, -1)
        shifted = np.roll(numbers, 1, axis=1)
        correlations = np.corrcoef(np.concatenate([numbers, shifted, others]))
        self.assertLess(np.abs(correlations - np.eye(12)).max(), 0.025)  # six standard deviations

    def test_numbers_are_those_of_the_hash_in_whole_numbers(self):
        """Computed with Python's integers, so that every backend must give these."""
        numbers = dropout.uniforms(dropout.seeds_of(np.array([[0.25, 0.5], [0.5, 0.75]])), (3,))
        words = ((2**22, 2**23), (2**23, 3 * 2**22))
        seeds = [mixed(mixed(first) ^ second) for first, second in words]
        expected = [[mixed(mixed((place + 0x85EBCA6B) % 2**32) ^ seed) >> 8 for place in range(3)] for seed in seeds]
        np.testing.assert_array_equal(numbers, np.array(expected) / 2**24)

    def test_the_mean_is_kept(self):
        values = np.ones((3, 100, 100), np.float32)
        dropped = dropout.dropout(values, 0.25, seeds()).numpy()
        self.assertEqual(set(np.unique(dropped)), {0.0, np.float32(1.0 / 0.75)})
        np.testing.assert_allclose(dropped.mean(axis=(1, 2)), 1.0, atol=0.03)

    def test_paths_are_dropped_by_image(self):
        dropped = dropout.drop_path(np.ones((400, 3, 2), np.float32), 0.5, seeds(400)).numpy()
        np.testing.assert_array_equal(dropped, dropped[:, :1, :1] * np.ones((1, 3, 2)))
        self.assertAlmostEqual(dropped.mean(), 1.0, delta=0.2)

    def test_nothing_is_dropped_without_seeds_or_rate(self):
        values = np.ones((3, 4), np.float32)
        self.assertIs(dropout.dropout(values, 0.5, None), values)
        self.assertIs(dropout.dropout(values, 0.0, seeds()), values)
        self.assertIsNone(dropout.fold_in(None, 1))

    def test_an_image_keeps_its_numbers_in_any_batch_and_compiled(self):
        values = np.ones((3, 50), np.float32)
        together = dropout.dropout(values, 0.5, seeds())
        np.testing.assert_array_equal(dropout.dropout(values[2:], 0.5, seeds()[2:]), together[2:])
        compiled = tf.function(lambda rows: dropout.dropout(values, 0.5, rows), jit_compile=True)
        np.testing.assert_array_equal(compiled(seeds()), together)

    def test_float64_and_bfloat16_stay(self):
        for dtype in (tf.float64, tf.bfloat16):
            self.assertEqual(dropout.dropout(tf.ones((3, 4), dtype), 0.5, seeds()).dtype, dtype)

    def test_gradients_pass_what_is_kept(self):
        values = tf.ones((3, 50))
        with tf.GradientTape() as tape:
            tape.watch(values)
            dropped = dropout.dropout(values, 0.5, seeds())
        np.testing.assert_array_equal(tape.gradient(dropped, values), helpers.array(dropped))
