"""Pairings are the cheapest there are, on both backends, compiled and not."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from scipy.optimize import linear_sum_assignment
import tensorflow as tf

from tests import helpers
from tests.ops import matching_cases
from tfobj.ops import matching
from tfobj.ops.matching import assignment
from tfobj.ops.set_loss import pairing
from tfobj.ops.set_loss import set_loss


def check_padded(test, pairs):
    """The pairs of `matching_cases.padded_case`: objects before padding, and of them the cheapest."""
    costs, padding = matching_cases.padded_case()
    pairs = np.asarray(pairs)
    for image, (found, rows, is_padding) in enumerate(zip(pairs, costs, padding)):
        test.assertTrue((found.sum(axis=0) == 1).all() and found.sum(axis=1).max() == 1, image)
        objects = ~is_padding
        test.assertEqual(found[objects].sum(), min(objects.sum(), 4), image)
        if objects.sum() >= 4:
            expected = lowest(rows[None, objects])[0]
        else:
            expected = lowest(rows[None, np.argsort(is_padding, kind="stable")[:4]])[0]
        test.assertAlmostEqual(float((found * rows).sum()), expected, places=5)


def lowest(costs):
    """The smallest sums that there are, float64 [B]."""
    costs = np.asarray(costs, np.float64)
    return np.array([problem[linear_sum_assignment(problem)].sum() for problem in costs])


class MatchingTest(unittest.TestCase):
    def check(self, pairs, costs, name):
        """One pair for every row or column, whichever are fewer, at the lowest cost."""
        pairs, (rows, columns) = np.asarray(pairs), costs.shape[1:]
        self.assertEqual((pairs.shape, pairs.dtype), (costs.shape, np.float32), name)
        self.assertLessEqual(set(np.unique(pairs)), {0.0, 1.0}, name)
        for axis, needed in ((2, rows <= columns), (1, columns <= rows)):
            (self.assertTrue if needed else self.assertFalse)((pairs.sum(axis=axis) == 1).all(), name)
            self.assertLessEqual(pairs.sum(axis=axis).max(), 1.0, name)
        np.testing.assert_allclose((pairs * costs).sum(axis=(1, 2)), lowest(costs), rtol=1e-6, err_msg=name)

    def test_eager_and_in_a_graph(self):
        for name, costs in matching_cases.cases().items():
            for method in ("subsets", "scipy"):
                for run in (assignment, tf.function(assignment)):
                    self.check(run(tf.constant(costs), method), costs, f"{name}, {method}")

    def test_with_xla(self):
        for name in ("5x10x10", "6x7x4", "ties"):
            costs = matching_cases.cases()[name]
            self.check(tf.function(assignment, jit_compile=True)(tf.constant(costs)), costs, name)

    @unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
    def test_jax(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "results.npz")
            worker = subprocess.run(
                [sys.executable, "-P", matching_cases.__file__, path], cwd=helpers.ROOT, capture_output=True, text=True,
                check=False, timeout=120, env={**os.environ, "PYTHONPATH": str(helpers.ROOT), "JAX_PLATFORMS": "cpu"})
            self.assertEqual(worker.returncode, 0, worker.stderr[-2000:])
            with np.load(path) as archive:
                results = dict(archive)
        check_padded(self, results.pop("padded"))
        self.assertEqual(len(results), 2 * len(matching_cases.cases()))
        for name, pairs in results.items():
            self.check(pairs, matching_cases.cases()[name.partition("/")[2]], name)

    def test_large_sets_are_left_to_scipy(self):
        costs = np.random.default_rng(1).random((2, matching.LARGEST + 8, matching.LARGEST + 8)).astype(np.float32)
        self.check(assignment(tf.constant(costs)), costs, "large")

    def test_the_batch_may_be_unknown(self):
        costs = matching_cases.cases()["6x4x7"]
        for method in ("subsets", "scipy"):
            run = tf.function(lambda costs, method=method: assignment(costs, method),
                              input_signature=[tf.TensorSpec((None, 4, 7))])
            self.check(run(costs), costs, method)
            self.check(run(costs[:1]), costs[:1], method)

    def test_two_devices_match_their_own_problems(self):
        costs = matching_cases.cases()["ties"]
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        halves = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(np.split(costs, 2)[context.replica_id_in_sync_group]))
        for method in ("subsets", "scipy"):
            run = tf.function(lambda part, method=method: strategy.run(assignment, (part, method)))
            self.check(np.concatenate(strategy.experimental_local_results(run(halves))), costs, method)

    def test_nan_is_no_error_here(self):
        for method in ("subsets", "scipy"):
            pairs = assignment(tf.fill((2, 3, 3), float("nan")), method)
            np.testing.assert_array_equal(np.sum(pairs, axis=2), 1.0)

    def test_an_unknown_method_is_refused(self):
        with self.assertRaisesRegex(ValueError, "'greedy' is unknown; choose one of: auto, subsets, scipy"):
            assignment(tf.zeros((1, 2, 2)), "greedy")


class SetLossTest(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(0)
        self.targets, self.predictions = (rng.normal(0.0, 1.5, (3, 5, 4)).astype(np.float32) for _ in range(2))

    def test_the_order_of_either_set_is_irrelevant(self):
        expected, order = set_loss(self.targets, self.predictions), [3, 0, 4, 1, 2]
        np.testing.assert_allclose(set_loss(self.targets[:, order], self.predictions), expected, rtol=1e-6)
        np.testing.assert_allclose(set_loss(self.targets, self.predictions[:, order]), expected, rtol=1e-6)

    def test_the_truth_in_any_order_costs_nothing(self):
        np.testing.assert_array_equal(set_loss(self.targets, self.targets[:, ::-1]), 0.0)

    def test_low_precision_is_widened(self):
        low = tf.cast(self.predictions, tf.bfloat16)
        np.testing.assert_array_equal(set_loss(self.targets, low), set_loss(self.targets, tf.cast(low, tf.float32)))
        self.assertEqual(set_loss(tf.cast(self.targets, tf.float64), tf.cast(low, tf.float64)).dtype, tf.float64)

    def test_objects_come_before_padding(self):
        costs, padding = matching_cases.padded_case()
        for method in ("subsets", "scipy"):
            check_padded(self, pairing(tf.constant(costs), method, padding))
        check_padded(self, tf.function(pairing, jit_compile=True)(tf.constant(costs), padding=tf.constant(padding)))
        with self.assertRaises(AssertionError, msg="without it the cheap padding wins"):
            check_padded(self, pairing(tf.constant(costs)))
