"""Adam that weights join late."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.config import TrainConfig
from tfobj.training.continued_adam import ContinuedAdam
from tfobj.training.schedules import make_optimizer

OPTIONS = {"beta_1": 0.9, "beta_2": 0.98, "epsilon": 1e-9}


def moved(optimizer, variables, gradients):
    """Values of variables after each update: list of lists of arrays."""
    optimizer.build(variables)
    values = []
    for rows in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(row) for row in rows], variables)
        values.append([helpers.array(variable) for variable in variables])
    return values


def variable(name):
    return keras.Variable(np.zeros(3, np.float32), name=name)


class ContinuedAdamTest(unittest.TestCase):
    gradients = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)

    def test_every_weight_moves_as_under_an_adam_of_its_own(self):
        old, late = variable("old"), variable("late")
        rate = keras.optimizers.schedules.PolynomialDecay(0.1, 10)
        optimizer = ContinuedAdam(rate, {late.path: 2}, **OPTIONS)
        optimizer.build([old, late])
        found = moved(optimizer, [old], self.gradients[:2, :1]) + moved(optimizer, [old, late], self.gradients[2:])
        (twin,), alone = [variable("twin")], keras.optimizers.Adam(rate, **OPTIONS)
        for mine, theirs in zip(found, moved(alone, [twin], self.gradients[:, :1])):
            np.testing.assert_array_equal(mine[0], theirs[0])
        alone = keras.optimizers.Adam(lambda: rate(late_steps.pop(0)), **OPTIONS)
        late_steps = [2, 3, 4]
        for mine, theirs in zip(found[2:], moved(alone, [variable("twin")], self.gradients[2:, 1:])):
            np.testing.assert_allclose(mine[1], theirs[0], rtol=1e-5)

    def test_it_is_made_with_the_options_of_the_phase(self):
        train = TrainConfig(optimizer="adamw", weight_decay=0.03, adam_beta_1=0.8, adam_beta_2=0.9, adam_epsilon=1e-4)
        optimizer = make_optimizer(train, joined={"late": 3})
        self.assertEqual((optimizer.weight_decay, optimizer.beta_1, optimizer.beta_2, optimizer.epsilon),
                         (0.03, 0.8, 0.9, 1e-4))
        self.assertIsNone(make_optimizer(TrainConfig(), joined={"late": 3}).weight_decay)
        self.assertIs(type(make_optimizer(train)), keras.optimizers.AdamW)


if __name__ == "__main__":
    unittest.main()
