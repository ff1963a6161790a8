"""GENESIS as published, with batch normalisation in the decoder: two devices and XLA change nothing in training."""

import dataclasses
import unittest

import numpy as np

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import MODELS
from tests.conformance.test_two_devices import two_devices

NUM_STEPS = 2
TOLERANCE = 1e-6
"""Of the difference of a weight or statistic, divided by its largest magnitude if that exceeds 1; two devices: 1e-7."""


def published_norms():
    """The descriptor of GENESIS with the published normalisation in the decoder, too."""
    descriptor = next(each for each in MODELS if each.name == "genesis")
    return dataclasses.replace(descriptor, config=dataclasses.replace(descriptor.config, decoder_norm="bn"))


def train(**options):
    """A short run; returns dict from the name of any weight, trainable or not, to its values, and the terms."""
    run = training_runs.train(published_norms(), NUM_STEPS, optimizer="sgd", learning_rate=0.03, **options)
    return {helpers.weight_name(variable): helpers.array(variable) for variable in run.model.weights}, run.terms


class GenesisTrainingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        model = published_norms().build()
        cls.initial = {helpers.weight_name(variable): helpers.array(variable) for variable in model.weights}
        cls.weights, cls.terms = train()

    def check_equal(self, weights, terms):
        self.assertEqual(set(weights), set(self.weights))
        for name, expected in self.weights.items():
            np.testing.assert_allclose(weights[name], expected, rtol=0.0,
                                       atol=TOLERANCE * max(1.0, np.abs(expected).max()), err_msg=name)
        for name in ("loss", "err", "kl_l", "kl_m", "gradient_norm"):
            np.testing.assert_allclose(terms[name], self.terms[name], rtol=1e-4, err_msg=name)

    def test_the_run_moves_weights_statistics_and_geco(self):
        for part, count in (("moving_mean", 5), ("moving_variance", 5), ("/kernel", 8), ("schedule/beta", 1),
                            ("schedule/average", 1)):
            moved = [name for name, value in self.weights.items() if part in name
                     and np.abs(value - self.initial[name]).max() > 20.0 * TOLERANCE * max(1.0, np.abs(value).max())]
            self.assertGreaterEqual(len(moved), count, f"{part}: {moved}")

    def test_two_devices_equal_one(self):
        self.check_equal(*train(strategy=two_devices()))

    def test_xla_equals_no_xla(self):
        self.check_equal(*train(jit_compile=True))


if __name__ == "__main__":
    unittest.main()
