"""Learning rates and weights of the pixel entropy of the AST-Seg program, update by update."""

import unittest

import numpy as np

from tests import golden_arrays
from tfobj.config import TrainConfig
from tfobj.layers.beta_warmup import BetaWarmup
from tfobj.training.schedules import make_optimizer


class GoldenAstSegSchedulesTest(unittest.TestCase):
    def setUp(self):
        self.arrays = golden_arrays.load("ast_seg_schedules")

    def test_golden_ast_seg_learning_rate(self):
        optimizer = make_optimizer(TrainConfig(
            learning_rate=4e-5, warmup_steps=5000, warmup="quadratic", decay="step", decay_rate=0.1,
            decay_steps=112_500, adam_beta_2=0.98, adam_epsilon=1e-9))
        self.assertEqual((optimizer.beta_1, optimizer.beta_2, optimizer.epsilon), (0.9, 0.98, 1e-9))
        for step, expected in zip(self.arrays["completed_updates"], self.arrays["learning_rate"]):
            optimizer.iterations.assign(step)
            np.testing.assert_allclose(optimizer.learning_rate, expected, rtol=1e-6, err_msg=step)

    def test_golden_ast_seg_pixel_entropy_weight(self):
        weight = BetaWarmup(0.01, 10_000, power=2.0)
        self.assertEqual(float(weight.beta), 0.0)
        for step, expected in zip(self.arrays["completed_updates"], self.arrays["pixel_entropy_weight"]):
            if step:
                weight.step.assign(step - 1)
                weight.update(None)
            np.testing.assert_allclose(weight.beta, expected, rtol=1e-6, err_msg=step)
