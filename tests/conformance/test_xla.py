"""Compiling loss and gradients with XLA changes nothing but the speed."""

import dataclasses
import unittest

import numpy as np

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import for_every_model, weights_of


TOLERANCE = 2e-6
"""Largest difference of a weight after 20 steps; measured: 5e-7."""

ROUGH = ("slot_attention",)
"""Models for which SGD is used, because Adam turns the rounding noise of gradients near zero into full steps."""


class XlaTest(unittest.TestCase):
    @for_every_model
    def test_xla_equals_no_xla(self, descriptor):
        if descriptor.name in ROUGH:
            descriptor = dataclasses.replace(descriptor, two_device_optimizer=("sgd", 0.1))
        plain = training_runs.on_one_device(descriptor)
        compiled = training_runs.train(descriptor, training_runs.NUM_STEPS, jit_compile=True,
                                       **training_runs.step_options(descriptor))
        for name, value in plain.terms.items():
            np.testing.assert_allclose(compiled.terms[name], value, rtol=1e-4, err_msg=name)
        first, second = (descriptor.without_inert(weights_of(run.model)) for run in (plain, compiled))
        self.assertGreater(helpers.largest_difference(first, plain.initial), 1e-3)
        for name, value in first.items():
            self.assertLessEqual(np.abs(value - second[name]).max(), TOLERANCE, name)
