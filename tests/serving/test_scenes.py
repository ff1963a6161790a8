"""An exported model with a prior draws the scenes that it draws in Python, and finds objects, in every runtime."""

import importlib.util
import json
import os
import pathlib
import tempfile
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.serving import exported
from tfobj import genesis_config
from tfobj import registry
from tfobj.serving import exporter, verify

SHAPE, NUM_SLOTS, FEATURES = (16, 16, 3), 3, 8


class ScenesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        keras.utils.set_random_seed(0)
        config = genesis_config.GenesisV2Config(num_slots=NUM_SLOTS, feature_size=FEATURES)
        cls.model = helpers.perturb(registry.build_model("genesis_v2", config, SHAPE), scale=0.3)
        cls.export = exporter.export_model(cls.model, os.path.join(folder.name, "base"))
        cls.signatures = tf.saved_model.load(cls.export.directory).signatures
        generator = np.random.default_rng(0)
        cls.noise = {"latents": generator.standard_normal((4, NUM_SLOTS, FEATURES)).astype(np.float32)}
        cls.scene_request = {"noise_latents": cls.noise["latents"]}
        cls.image_request = {
            "images": exported.images(4, shape=SHAPE).astype(np.float32) / 255.0, "noise_latents": cls.noise["latents"],
            "noise_scores": generator.random((4, *SHAPE[:2])).astype(np.float32)}

    def test_sample_signature_draws_the_scenes_of_the_model(self):
        found = self.signatures["sample"](**self.scene_request)
        expected = self.model.sample(self.noise)
        for name in ("reconstruction", "masks", "components", "slots"):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)
        self.assertGreater(np.mean(found["segmentation"] == helpers.array(expected["segmentation"])), 0.99)
        alone = self.signatures["sample"](noise_latents=self.noise["latents"][2:3])
        np.testing.assert_allclose(alone["reconstruction"][0], found["reconstruction"][2], atol=1e-5)

    def test_cpp_loader_and_warm_up_know_the_signature(self):
        differences = self.export.report.differences["sample"]
        self.assertEqual(set(differences), {"masks", "slots", "reconstruction", "components", "segmentation",
                                            "segmentation_thresholded"})
        self.assertLess(max(differences.values()), verify.TOLERANCE)
        self.assertEqual(self.export.report.num_warmup, 2 * len(self.signatures))
        card = json.loads(pathlib.Path(self.export.directory, "assets.extra", "model_card.json").read_text())
        self.assertEqual(card["signatures"]["sample"]["inputs"]["noise_latents"]["shape"], [None, NUM_SLOTS, FEATURES])

    @unittest.skipUnless(importlib.util.find_spec("openvino"), "openvino is not installed")
    def test_openvino_finds_objects_and_draws_scenes(self):
        requests = {signature: [{name: value[:size] for name, value in request.items()} for size in (1, 4)]
                    for signature, request in (("serve_float_with_noise", self.image_request),
                                               ("sample", self.scene_request))}
        answers = exported.ask_openvino(self.export.directory, requests)
        for signature in requests:
            for asked, answer in zip(requests[signature], answers[signature]):
                expected = {name: value.numpy() for name, value in self.signatures[signature](**asked).items()}
                self.assertEqual(set(answer), set(expected), signature)
                for name, wanted in expected.items():
                    if wanted.dtype == np.uint8:
                        self.assertLess(np.mean(answer[name] != wanted), 0.01, name)  # ties between masks
                    else:
                        np.testing.assert_allclose(answer[name], wanted, rtol=1e-3, atol=1e-4, err_msg=name)


if __name__ == "__main__":
    unittest.main()
