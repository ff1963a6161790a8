"""A SavedModel computes what the model computes, for every batch size."""

import os
import tempfile
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance.descriptors import for_every_model


class SavedModelTest(unittest.TestCase):
    @for_every_model
    def test_saved_model_equals_eager_for_every_batch_size(self, descriptor):
        model = descriptor.build()
        names = sorted(model.noise_spec(1))
        signature = [tf.TensorSpec((None, *model.image_shape), name="images"),
                     *(tf.TensorSpec((None, *model.noise_spec(1)[name].shape[1:]), name=name) for name in names)]
        archive = keras.export.ExportArchive()
        archive.add_endpoint(
            "predict", lambda images, *noise: model(images, noise=dict(zip(names, noise, strict=True))), signature)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "1")
            archive.write_out(path, verbose=False)
            loaded = tf.saved_model.load(path)
            for count in (1, 2, 5):
                image, noise = descriptor.image(count), helpers.noise_of(model, count)
                expected = model(image, noise=noise)
                outputs = loaded.predict(image, *(noise[name] for name in names))
                self.assertEqual(sorted(outputs), sorted(expected))
                if "segmentation" in expected:
                    labels, found = (helpers.array(values.pop("segmentation")) for values in (expected, outputs))
                    self.assertGreater((labels == found).mean(), 0.99)  # near ties may fall either way
                for name, value in expected.items():
                    scale = max(1.0, float(np.abs(value).max()))  # a likelihood is a sum over thousands of pixels
                    self.assertLess(helpers.largest_difference(outputs[name], value) / scale, 1e-5, name)
