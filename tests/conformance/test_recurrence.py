"""Properties of IODINE with two refinements, where state and gradients pass from one to the next.

The other modules check it with one, which takes seconds less to trace and to compile.
"""

import dataclasses
import tempfile
import unittest

import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance import training_runs
from tests.conformance.descriptors import MODELS, weights_of
from tests.conformance.test_two_devices import two_devices
from tfobj.serving import exporter

DESCRIPTOR = dataclasses.replace(next(descriptor for descriptor in MODELS if descriptor.name == "iodine"),
                                 config=helpers.iodine_config(num_iterations=2), inert={})


class RecurrenceTest(unittest.TestCase):
    def test_gradients_reach_the_recurrent_weights(self):
        model, image = DESCRIPTOR.build(), tf.constant(DESCRIPTOR.image(2))
        noise = helpers.noise_of(model, 2)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.losses_of(image, model(image, noise=noise))["loss"])
        kernel, = (weight for weight in model.trainable_variables
                   if helpers.weight_name(weight) == "refinement/lstm/recurrent_kernel")
        self.assertGreater(np.abs(tape.gradient(loss, kernel.value)).max(), 0.0)

    def test_two_devices_and_xla_equal_one_device_without(self):
        one, two, compiled = (training_runs.train(DESCRIPTOR, 3, optimizer="sgd", learning_rate=0.1, **options)
                              for options in ({}, {"strategy": two_devices()}, {"jit_compile": True}))
        self.assertGreater(one.terms["gradient_norm"], training_runs.CLIP_NORM, "clipping must be active")
        first = weights_of(one.model)
        for run in (two, compiled):
            for name, value in weights_of(run.model).items():
                self.assertLessEqual(np.abs(value - first[name]).max(), 2e-6, name)

    def test_export_computes_what_the_model_computes(self):
        """The exporter compares all signatures, as the C++ loader runs them, with the model."""
        model = DESCRIPTOR.build()
        with tempfile.TemporaryDirectory() as directory:
            export = exporter.export_model(model, directory, noise_seed=5)
        differences = [value for outputs in export.report.differences.values() for value in outputs.values()]
        self.assertLess(max(differences), 1e-5)
        self.assertLess(export.report.batch_difference, 1e-5)


if __name__ == "__main__":
    unittest.main()
