"""Initial weights have the bounds and variances of PyTorch's."""

import unittest

import keras
import numpy as np

from tfobj.layers import torch_initializers


class TorchInitializersTest(unittest.TestCase):
    def setUp(self):
        keras.utils.set_random_seed(0)

    def check_uniform(self, values, limit):
        values = np.asarray(values)
        self.assertLessEqual(np.abs(values).max(), limit)
        self.assertGreater(np.abs(values).max(), 0.95 * limit)
        self.assertAlmostEqual(values.std() / (limit / np.sqrt(3.0)), 1.0, delta=0.08)

    def test_kernels_and_biases(self):
        for layer, shape, fan in ((keras.layers.Dense(100, **torch_initializers.torch_defaults(49)), (None, 49), 49),
                                  (keras.layers.Conv2D(100, 5, **torch_initializers.torch_defaults(50)),
                                   (None, 8, 8, 2), 50),
                                  (keras.layers.Conv2DTranspose(100, 5, **torch_initializers.torch_defaults(2500)),
                                   (None, 8, 8, 2), 2500)):
            layer.build(shape)
            self.check_uniform(layer.kernel, fan**-0.5)
            self.check_uniform(layer.bias, fan**-0.5)

    def test_lstm(self):
        cell = keras.layers.LSTMCell(64, **torch_initializers.torch_lstm_defaults(64))
        cell.build((None, 30))
        self.check_uniform(cell.kernel, 0.125)
        self.check_uniform(cell.recurrent_kernel, 0.125)
        bias = np.asarray(cell.bias)
        self.assertLessEqual(np.abs(bias).max(), 0.25)
        self.assertGreater(np.abs(bias).max(), 0.17)
        self.assertAlmostEqual(bias.std() / (0.125 * np.sqrt(2 / 3)), 1.0, delta=0.15)

    def test_sum_of_two_uniforms_repeats_itself(self):
        first = torch_initializers.SumOfTwoUniforms(0.5)
        again = torch_initializers.SumOfTwoUniforms.from_config(first.get_config())
        np.testing.assert_array_equal(first((100,)), again((100,)))
        self.assertGreater(np.abs(first((100,)) - torch_initializers.SumOfTwoUniforms(0.5)((100,))).max(), 0.1)


if __name__ == "__main__":
    unittest.main()
