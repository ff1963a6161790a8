"""A model is rebuilt from its configuration, in memory and from a `.keras` file."""

import json
import os
import tempfile
import unittest

import keras

from tests import helpers
from tests.conformance.descriptors import for_every_model
from tfobj import registry


class ConfigTest(unittest.TestCase):
    def check_equal(self, descriptor, model, twin):
        image, noise = descriptor.image(2), helpers.noise_of(model, 2)
        self.assertEqual(twin.get_config(), model.get_config())
        self.assertEqual([weight.path for weight in twin.weights], [weight.path for weight in model.weights])
        self.assertEqual(helpers.largest_difference(model(image, noise=noise), twin(image, noise=noise)), 0.0)

    @for_every_model
    def test_from_config_gives_the_same_model(self, descriptor):
        model = descriptor.build()
        twin = type(model).from_config(model.get_config()).build_on_zeros()
        self.check_equal(descriptor, model, helpers.copy_weights(model, twin))

    @for_every_model
    def test_configuration_survives_json(self, descriptor):
        model = descriptor.build()
        text = json.dumps(keras.saving.serialize_keras_object(model))
        twin = keras.saving.deserialize_keras_object(json.loads(text)).build_on_zeros()
        self.check_equal(descriptor, model, helpers.copy_weights(model, twin))

    @for_every_model
    def test_keras_file_gives_the_same_model(self, descriptor):
        model = descriptor.build()
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "model.keras")
            model.save(path)
            twin = keras.saving.load_model(path)
        self.check_equal(descriptor, model, twin)

    @for_every_model
    def test_equal_seeds_give_equal_models(self, descriptor):
        built = []
        for seed in (4, 4, 5):
            keras.utils.set_random_seed(seed)
            built.append(registry.build_model(descriptor.name, descriptor.config, descriptor.image_shape))
        self.assertEqual(helpers.largest_difference(built[0].weights, built[1].weights), 0.0)
        self.assertGreater(helpers.largest_difference(built[0].weights, built[2].weights), 0.01)
