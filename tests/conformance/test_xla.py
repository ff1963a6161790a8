"""Compiling loss and gradients with XLA changes nothing but the speed."""

import unittest

import numpy as np

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import for_every_model, weights_of


class XlaTest(unittest.TestCase):
    @for_every_model
    def test_xla_equals_no_xla(self, descriptor):
        # SGD, because Adam turns the rounding noise of gradients near zero into full steps.
        plain, compiled = (training_runs.train(descriptor, 3, jit_compile=jit, optimizer="sgd", learning_rate=0.1)
                           for jit in (False, True))
        for name, value in plain.terms.items():
            np.testing.assert_allclose(compiled.terms[name], value, rtol=1e-5, atol=1e-5 * plain.size_of_whole(name),
                                       err_msg=name)
        first, second = weights_of(plain.model), weights_of(compiled.model)
        self.assertGreater(helpers.largest_difference(first, plain.initial), 1e-3)
        for name, value in first.items():
            self.assertLessEqual(np.abs(value - second[name]).max(), 1e-6, name)
