"""mixed_bfloat16 trains: weights, outputs and the decisive layers stay float32."""

import unittest

import keras
import numpy as np

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import for_every_model, weights_of


class Bfloat16Test(unittest.TestCase):
    def setUp(self):
        policy = keras.config.dtype_policy()
        self.addCleanup(keras.config.set_dtype_policy, policy)

    @for_every_model
    def test_bfloat16_trains(self, descriptor):
        keras.config.set_dtype_policy("float32")  # the model before has changed it
        exact = descriptor.build()
        keras.config.set_dtype_policy("mixed_bfloat16")
        run = training_runs.train(descriptor, 3)
        self.assertGreater(helpers.largest_difference(weights_of(run.model), run.initial), 1e-3)
        for name, value in run.terms.items():
            self.assertTrue(np.isfinite(value), name)
        for variable in run.model.weights + run.optimizer.variables:
            if np.issubdtype(variable.dtype, np.floating):
                self.assertEqual(variable.dtype, "float32", variable.path)
                self.assertTrue(np.isfinite(helpers.array(variable)).all(), variable.path)
        layers = {layer.name: layer for layer in run.model._flatten_layers(include_self=False)}
        for name in descriptor.float32_layers:
            self.assertEqual(layers[name].compute_dtype, "float32", name)
        self.assertTrue(any(layer.compute_dtype == "bfloat16" for layer in layers.values()), "nothing is bfloat16")
        self.check_outputs(descriptor, exact)

    def check_outputs(self, descriptor, exact):
        """bfloat16 keeps three digits: the outputs have the float32 contract and are near those of float32."""
        low = helpers.copy_weights(exact, descriptor.build())
        helpers.run_model_test(self, low, None, target=descriptor.target(2))
        image, noise = descriptor.image(2), helpers.noise_of(exact, 2)
        expected, outputs = exact(image, noise=noise), low(image, noise=noise)
        name = descriptor.main_output
        difference = helpers.largest_difference(outputs[name], expected[name])
        self.assertTrue(0.0 < difference < 0.05, difference)
