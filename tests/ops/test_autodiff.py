"""Values and gradients against closed forms, on both backends, compiled and not, within other gradients."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.ops import autodiff_cases
from tests.ops.autodiff_cases import CASES, W, X, Y
from tfobj.ops.autodiff import value_and_gradient

Z = X * np.float32(0.1)
SQUARES_W, SQUARES_X = (18 * W * X**4).sum(axis=0), 36 * W**2 * X**3  # of sum(g**2), g = 3 w x**2
PLAIN_W, PLAIN_X = (X**3).sum(axis=0), 3 * W * X**2  # of sum(w x**3)
EXPECTED = {
    "nested": {"value": (X**2 * Y).sum() + np.sin(Z).sum(), "total": X + Z, "count": 6.0, "x": 2 * X * Y,
               "y": (X**2).sum(axis=0), "z": np.cos(Z), "unused": np.zeros(3)},
    "per_image": {"value": np.exp(X).mean(axis=1), "gradient": np.exp(X) / 3},
    "from_outside": {"gradient": X},
    "picked": {"gradient": np.stack([np.zeros(3), 4 * X[1]])},
    "through_intermediate": {"hidden": np.cos(X**2), "x": 2 * X * np.cos(X**2)},
    "second_order": {"squares_w": SQUARES_W, "squares_x": SQUARES_X, "value_w": PLAIN_W, "value_x": PLAIN_X,
                     "aux_w": PLAIN_W, "aux_x": PLAIN_X, "both_w": PLAIN_W + SQUARES_W, "both_x": PLAIN_X + SQUARES_X},
    "second_order_stopped": {
        "squares_w": np.zeros(3), "squares_x": np.zeros((2, 3)), "value_w": PLAIN_W, "value_x": PLAIN_X,
        "aux_w": PLAIN_W, "aux_x": PLAIN_X, "both_w": PLAIN_W, "both_x": PLAIN_X},
}


def check(actual, case):
    """Compares what a case returned with its closed form."""
    expected = EXPECTED[case.__name__]
    assert sorted(actual) == sorted(expected)
    for name, value in expected.items():
        found = np.asarray(actual[name])
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6, err_msg=f"{case.__name__}/{name}")
        assert found.dtype == np.float32, name


class AutodiffTest(unittest.TestCase):
    def test_every_case_is_computed(self):
        self.assertEqual({case.__name__ for case in CASES}, set(EXPECTED))

    def test_eager_in_a_graph_and_with_xla(self):
        for case in CASES:
            for run in (case, tf.function(case), tf.function(case, jit_compile=True)):
                with self.subTest(case=case.__name__, run=run):
                    check(run(), case)

    def test_within_a_tape_that_watches_variables(self):
        weight = keras.Variable(W)

        @tf.function
        def outer(stop_gradient):
            with tf.GradientTape() as tape:
                value, gradient = value_and_gradient(lambda x: tf.reduce_sum(weight * x**3), tf.constant(X),
                                                     stop_gradient=stop_gradient)
                total = value + tf.reduce_sum(gradient**2)
            return tape.gradient(total, weight.value)

        np.testing.assert_allclose(outer(False), PLAIN_W + SQUARES_W, rtol=1e-5)
        np.testing.assert_allclose(outer(True), PLAIN_W, rtol=1e-5)

    def test_gradients_keep_the_dtype_of_their_input(self):
        inputs = {"low": tf.cast(X, tf.bfloat16), "high": tf.cast(X, tf.float64)}
        value, gradients = value_and_gradient(
            lambda inputs: tf.reduce_sum(tf.cast(inputs["low"], tf.float64) * inputs["high"]), inputs)
        self.assertEqual((value.dtype, gradients["low"].dtype, gradients["high"].dtype),
                         (tf.float64, tf.bfloat16, tf.float64))
        np.testing.assert_array_equal(gradients["high"], X)

    def test_whole_numbers_have_no_gradient(self):
        with self.assertRaisesRegex(TypeError, "an input of the function is int32"):
            value_and_gradient(lambda x: x, {"x": tf.constant([1])})
        with self.assertRaisesRegex(TypeError, "the value of the function is int32"):
            value_and_gradient(lambda x: tf.cast(x, tf.int32), tf.constant([1.0]))


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class JaxAutodiffTest(unittest.TestCase):
    def test_jax_with_and_without_jit(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "results.npz")
            worker = subprocess.run(
                [sys.executable, "-P", autodiff_cases.__file__, path], cwd=helpers.ROOT, capture_output=True, text=True,
                check=False, timeout=120, env={**os.environ, "PYTHONPATH": str(helpers.ROOT), "JAX_PLATFORMS": "cpu"})
            self.assertEqual(worker.returncode, 0, worker.stderr[-2000:])
            with np.load(path) as archive:
                results = dict(archive)
        for case in CASES:
            for prefix in ("", "jit/"):
                start = f"{prefix}{case.__name__}/"
                with self.subTest(case=start):
                    check({name[len(start):]: value for name, value in results.items() if name.startswith(start)}, case)
