"""In float64, gradients are those of finite differences, and float32 is near float64."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance.descriptors import for_every_model

STEP = 1e-6
SLOPE_TOLERANCE = 3e-6
"""Of the largest gradient. GENESIS-V2 differentiates through a clip of 1e-5 at the seed, which costs 2e-6."""


class Float64Test(unittest.TestCase):
    def setUp(self):
        policy = keras.config.dtype_policy()
        self.addCleanup(keras.config.set_dtype_policy, policy)

    def build(self, descriptor, policy):
        keras.config.set_dtype_policy(policy)
        return descriptor.build()

    @for_every_model
    def test_gradients_equal_finite_differences(self, descriptor):
        """Along one random direction for each weight."""
        keras.config.set_dtype_policy("float64")
        model = descriptor.build(model_config=descriptor.derivable)
        image = descriptor.image(2).astype(np.float64)
        noise = {name: value.astype(np.float64) for name, value in helpers.noise_of(model, 2).items()}
        target = descriptor.target(2).astype(np.float64)
        loss = tf.function(
            lambda: keras.ops.mean(model.losses_of(target, model(image, noise=noise))["loss"]), autograph=False)
        gradients = helpers.gradients(model, loss)
        generator = np.random.default_rng(0)
        largest = max(np.linalg.norm(gradient) for gradient in gradients.values())
        for variable in model.trainable_variables:
            name, value = helpers.weight_name(variable), helpers.array(variable)
            self.assertEqual(value.dtype, np.float64, name)
            direction = generator.choice([-1.0, 1.0], value.shape) / np.sqrt(value.size)
            losses = []
            for sign in (1, -1):
                variable.assign(value + sign * STEP * direction)
                losses.append(float(loss()))
            variable.assign(value)
            slope = (losses[0] - losses[1]) / (2 * STEP)
            self.assertAlmostEqual(slope, float(np.sum(gradients[name] * direction)), delta=SLOPE_TOLERANCE * largest,
                                   msg=name)

    @for_every_model
    def test_float32_is_near_float64(self, descriptor):
        wide = self.build(descriptor, "float64")
        narrow = helpers.copy_weights(wide, self.build(descriptor, "float32"))
        noise = helpers.noise_of(narrow, 2)
        image = descriptor.image(2)
        expected, outputs = wide(image, noise=noise), narrow(image, noise=noise)
        for name in {"reconstruction", "masks", "predictions", "slots"} & set(outputs):
            self.assertEqual(helpers.array(expected[name]).dtype, np.float64, name)
            self.assertLess(np.abs(helpers.array(expected[name]) - outputs[name]).max(), 1e-5, name)
