"""Gradients reach every weight that should have one."""

import unittest

import keras
import numpy as np

from tests import helpers
from tests.conformance.descriptors import for_every_model


class GradientsTest(unittest.TestCase):
    @for_every_model
    def test_gradients_reach_every_weight(self, descriptor):
        model, image = descriptor.build(), descriptor.image(3)
        noise, target = helpers.noise_of(model, 3), descriptor.target(3)
        values = helpers.gradients(
            model, lambda: keras.ops.mean(model.losses_of(target, model(image, noise=noise))["loss"]))
        self.assertEqual([name for name, value in values.items() if value is None], [])
        largest = max(np.abs(value).max() for value in values.values())
        for name, value in values.items():
            self.assertTrue(np.isfinite(value).all(), name)
            inert = np.zeros(value.shape, bool)
            if name in descriptor.inert:
                inert[descriptor.inert[name]] = True
            self.assertLess(np.abs(value[inert]).max(initial=0.0), 1e-6 * largest, f"{name} should have no gradient")
            if not inert.all():
                self.assertGreater(np.abs(value[~inert]).max(), 1e-5 * largest, f"{name} has no gradient")
        self.assertEqual(sorted(set(descriptor.inert) - set(values)), [])
