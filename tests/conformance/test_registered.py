"""No model escapes the conformance tests."""

import unittest

from tests.conformance.descriptors import MODELS
from tfobj import registry


class RegisteredModelsTest(unittest.TestCase):
    def test_every_registered_model_has_one_descriptor(self):
        self.assertEqual(sorted(descriptor.name for descriptor in MODELS), sorted(registry.MODELS))

    def test_configurations_are_of_the_registered_class(self):
        for descriptor in MODELS:
            for model_config in (descriptor.config, descriptor.other_config):
                self.assertIsInstance(model_config, registry.model_entry(descriptor.name).config_class)
