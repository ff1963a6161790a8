"""No two weights start from the same random numbers."""

import unittest

import keras

from tests import helpers
from tests.conformance.descriptors import for_every_model
from tfobj import registry


class InitialWeightsTest(unittest.TestCase):
    @for_every_model
    def test_no_two_weights_are_copies(self, descriptor):
        keras.utils.set_random_seed(0)
        model = registry.build_model(descriptor.name, descriptor.config, descriptor.image_shape)
        self.assertGreater(helpers.check_independent_weights(self, model), 3)


if __name__ == "__main__":
    unittest.main()
