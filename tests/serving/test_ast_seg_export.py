"""An exported AST-Seg says where its objects are, in TensorFlow's C++ loader and in OpenVINO, without any noise."""

import importlib.util
import os
import tempfile
import unittest

import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance.descriptors import MODELS
from tests.serving import exported
from tfobj.serving import exporter

DESCRIPTOR = next(descriptor for descriptor in MODELS if descriptor.name == "ast_seg")
PLACES = ("boxes", "positions", "inverse_scales")


class AstSegExportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.model = DESCRIPTOR.build()
        # What the C++ loader computes is compared before there is a version.
        cls.export = exporter.export_model(cls.model, os.path.join(temporary.name, "base"), model_card={"step": 1})
        cls.images = DESCRIPTOR.image(3)

    def check(self, found, images):
        """Compares the answers of a runtime with the model."""
        outputs = self.model(images)
        for name in ("masks", "slots", "reconstruction", *PLACES):
            self.assertLess(helpers.largest_difference(found[name], outputs[name]), 1e-4, name)
        self.assertLess(np.mean(found["segmentation"] != np.asarray(outputs["segmentation"])), 0.01)

    def test_every_signature_has_places_that_were_verified(self):
        for name, differences in self.export.report.differences.items():
            if name != "segment_bytes":
                self.assertLess(max(differences[place] for place in PLACES), 1e-4, name)
        signatures = self.export.card["signatures"]
        self.assertFalse([name for name in signatures if "noise" in name])
        self.assertEqual(signatures["serving_default"]["outputs"]["boxes"]["shape"], [None, 3, 4])

    def test_the_saved_model_answers_as_the_model(self):
        answer = tf.saved_model.load(self.export.directory).signatures["serve_float"]
        for count in (1, 3):
            images = self.images[:count]
            self.check({name: value.numpy() for name, value in answer(images=tf.constant(images)).items()}, images)

    @unittest.skipUnless(importlib.util.find_spec("openvino"), "openvino is not installed")
    def test_openvino_answers_as_the_model(self):
        requests = [{"images": self.images[:count]} for count in (1, 3)]
        answers = exported.ask_openvino(self.export.directory, {"serve_float": requests})["serve_float"]
        for request, answer in zip(requests, answers):
            self.check(answer, request["images"])


if __name__ == "__main__":
    unittest.main()
