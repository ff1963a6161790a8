"""RMSprop with epsilon beside the root."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests.conformance import training_runs
from tests.conformance.descriptors import MODELS, weights_of
from tests.conformance.test_two_devices import two_devices
from tests.helpers import array, largest_difference
from tfobj.config import TrainConfig
from tfobj.training.rmsprop import RMSprop
from tfobj.training.schedules import make_optimizer


class RMSpropTest(unittest.TestCase):
    def test_steps_equal_the_formula(self):
        optimizer = make_optimizer(TrainConfig(optimizer="rmsprop", learning_rate=0.1, warmup_steps=0, decay="none",
                                               rmsprop_rho=0.9, rmsprop_epsilon=0.01))
        start, gradients = np.array([1.0, -2.0]), np.array([[0.3, -1e-3], [0.1, 0.0]])
        variable = keras.Variable(start, dtype="float32")
        optimizer.build([variable])
        expected, squares = start, np.zeros(2)
        for gradient in gradients:
            squares = 0.9 * squares + 0.1 * gradient**2
            expected = expected - 0.1 * gradient / (np.sqrt(squares) + 0.01)
            optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
            np.testing.assert_allclose(array(variable), expected, rtol=1e-5)
        # Where the gradient is small, epsilon inside of the root would leave a third of the step.
        self.assertGreater(variable.value[1].numpy() + 2.0, 0.007)

    def test_defaults_are_those_of_pytorch(self):
        optimizer = make_optimizer(TrainConfig(optimizer="rmsprop"))
        self.assertIsInstance(optimizer, RMSprop)
        self.assertEqual((optimizer.rho, optimizer.epsilon, optimizer.momentum, optimizer.centered),
                         (0.99, 1e-8, 0.0, False))

    def test_two_devices_equal_one(self):
        descriptor = next(descriptor for descriptor in MODELS if descriptor.name == "slot_mlp")
        one, two = (training_runs.train(descriptor, 3, strategy, optimizer="rmsprop", learning_rate=1e-5)
                    for strategy in (None, two_devices()))
        first, second = (descriptor.without_inert(weights_of(run.model)) for run in (one, two))
        self.assertGreater(largest_difference(first, one.initial), 1e-5)
        self.assertLess(largest_difference(first, second), 1e-6)


if __name__ == "__main__":
    unittest.main()
