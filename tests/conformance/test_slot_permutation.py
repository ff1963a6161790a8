"""Slots have no order: permuting their noise permutes them and changes nothing else."""

import unittest

import numpy as np

from tests import helpers
from tests.conformance.descriptors import for_every_model


class SlotPermutationTest(unittest.TestCase):
    @for_every_model
    def test_permuting_slot_noise_permutes_slots(self, descriptor):
        if not descriptor.slot_noise:
            self.skipTest(f"{descriptor.name} orders its slots")
        model, image = descriptor.build(), descriptor.image(2)
        noise = helpers.noise_of(model, 2)
        order = np.roll(np.arange(model.num_slots), 1)
        permuted = {name: value[:, order] if name in descriptor.slot_noise else value for name, value in noise.items()}
        first, second = model(image, noise=noise), model(image, noise=permuted)
        self.assertGreater(helpers.largest_difference(first["slots"], second["slots"]), 1e-3)
        for name, axis in descriptor.slot_axes.items():
            expected = np.take(helpers.array(first[name]), order, axis=axis)
            np.testing.assert_allclose(second[name], expected, atol=1e-5, err_msg=name)
        if descriptor.main_output not in descriptor.slot_axes:
            np.testing.assert_allclose(second[descriptor.main_output], first[descriptor.main_output], atol=1e-5)
