"""Learning rates."""

import unittest

import numpy as np

from tfobj.config import TrainConfig
from tfobj.errors import UserError
from tfobj.training.schedules import WarmupDecay, make_optimizer


class WarmupDecayTest(unittest.TestCase):
    def rates(self, schedule, *steps):
        return [float(schedule(step)) for step in steps]

    def test_warmup_times_exponential_decay(self):
        schedule = WarmupDecay(4e-4, 10_000, "exponential", 0.5, 100_000)
        expected = [0.0, 4e-4 * 0.5 * 0.5**0.05, 3.732e-4, 1.25e-5]
        np.testing.assert_allclose(self.rates(schedule, 0, 5_000, 10_000, 500_000), expected, rtol=2e-4, atol=0)

    def test_cosine_ends_at_the_given_fraction_and_stays_there(self):
        schedule = WarmupDecay(2.0, 0, "cosine", 0.02, 100)
        np.testing.assert_allclose(self.rates(schedule, 0, 50, 100, 500), [2.0, 1.02, 0.04, 0.04], rtol=1e-6)

    def test_a_cosine_that_the_run_would_cut_off_is_refused(self):
        with self.assertRaisesRegex(UserError, "use --decay_steps=0"):
            make_optimizer(TrainConfig(decay="cosine", num_steps=5000))

    def test_constant(self):
        np.testing.assert_allclose(self.rates(WarmupDecay(0.1), 0, 1000), [0.1, 0.1], rtol=1e-7)

    def test_optimizer_counts_from_zero_and_takes_the_paper_epsilon(self):
        optimizer = make_optimizer(TrainConfig())
        self.assertEqual(optimizer.epsilon, 1e-8)
        self.assertEqual(float(optimizer.learning_rate), 0.0)

    def test_decay_of_the_first_moment_is_a_knob(self):
        for name in ("adam", "adamw"):
            optimizer = make_optimizer(TrainConfig(optimizer=name, adam_beta_1=0.95))
            self.assertEqual((optimizer.beta_1, optimizer.beta_2), (0.95, 0.999))
        self.assertEqual(make_optimizer(TrainConfig()).beta_1, 0.9)

    def test_cosine_takes_its_length_from_the_run(self):
        settings = TrainConfig(decay="cosine", decay_steps=0, num_steps=30, warmup_steps=0, decay_rate=0.0)
        optimizer = make_optimizer(settings)
        np.testing.assert_allclose(float(optimizer._learning_rate(30)), 0.0, atol=1e-10)
