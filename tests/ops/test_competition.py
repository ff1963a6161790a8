"""The softmax over slots, also over a single one."""

import unittest
import warnings

import numpy as np
import tensorflow as tf

from tfobj.ops import competition


class SoftmaxTest(unittest.TestCase):
    def test_exponentials_divided_by_their_sum(self):
        logits = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
        for axis in (1, -1):
            expected = np.exp(logits) / np.exp(logits).sum(axis=axis, keepdims=True)
            np.testing.assert_allclose(competition.softmax(logits, axis), expected, rtol=1e-6)

    def test_one_entry_is_one_without_a_warning_and_with_a_gradient_of_zero(self):
        logits = tf.constant([[-3e4], [0.0], [12.5]])
        with warnings.catch_warnings(), tf.GradientTape() as tape:
            warnings.simplefilter("error")
            tape.watch(logits)
            share = competition.softmax(logits, -1)
        np.testing.assert_array_equal(share, np.ones((3, 1)))
        np.testing.assert_array_equal(tape.gradient(share, logits), np.zeros((3, 1)))


if __name__ == "__main__":
    unittest.main()
