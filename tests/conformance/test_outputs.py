"""Every model fills the one output dictionary, and an image's outputs do not depend on its batch."""

import unittest

import numpy as np

from tests import helpers
from tests.conformance.descriptors import for_every_model


class OutputsTest(unittest.TestCase):
    @for_every_model
    def test_outputs_follow_the_contract(self, descriptor):
        helpers.run_model_test(self, descriptor.build(), None, batch_size=3, target=descriptor.target(3))

    @for_every_model
    def test_noise_decides_everything_that_is_random(self, descriptor):
        model, image = descriptor.build(), descriptor.image(2)
        first, second = (model(image, noise=helpers.noise_of(model, 2)) for _ in range(2))
        self.assertEqual(helpers.largest_difference(first, second), 0.0)
        if not model.noise_spec(1):
            return
        other = model(image, noise=helpers.noise_of(model, 2, seed=1))
        self.assertGreater(helpers.largest_difference(first, other), 1e-3)

    @for_every_model
    def test_image_alone_equals_image_in_a_batch(self, descriptor):
        model, image = descriptor.build(), descriptor.image(5)
        noise = helpers.noise_of(model, 5)
        together = model(image, noise=noise)
        target = descriptor.target(5)
        terms = model.losses_of(target, together)
        for i in (0, 4):
            alone = model(image[i:i + 1], noise={name: value[i:i + 1] for name, value in noise.items()})
            for name, value in alone.items():
                np.testing.assert_allclose(value[0], together[name][i], atol=1e-5, err_msg=name)
            for name, value in model.losses_of(target[i:i + 1], alone).items():
                np.testing.assert_allclose(value[0], terms[name][i], rtol=1e-5, err_msg=name)
