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
from tfobj import noise as noises
from tfobj import registry
from tfobj.serving import exporter, verify

SHAPE, NUM_SLOTS = (16, 16, 3), 3
MODELS = {
    "genesis_v2": genesis_config.GenesisV2Config(num_slots=NUM_SLOTS, feature_size=8),
    "genesis": genesis_config.GenesisConfig(
        num_slots=NUM_SLOTS, mask_latent_size=5, latent_size=4, encoder_filters=(4,) * 5, decoder_filters=(4,) * 6,
        component_channels=4, hidden_size=8),
    "monet_g": genesis_config.MonetGConfig(num_slots=NUM_SLOTS, latent_size=4, attention_channels=4,
                                           component_channels=4, hidden_size=8)}


class Exported:
    """A model, its export, and requests for it.

    Attributes:
        model: Untrained; its weights are far from their initial values.
        export: `exporter.Export`.
        signatures: Dict of functions, as TensorFlow loads them.
        scene_noise: Dict, what `sample` draws scenes from.
        requests: Dict from a signature to the inputs of four scenes or images.
    """

    def __init__(self, name, directory):
        keras.utils.set_random_seed(0)
        self.model = helpers.perturb(registry.build_model(name, MODELS[name], SHAPE), scale=0.3)
        self.export = exporter.export_model(self.model, os.path.join(directory, name))
        self.signatures = tf.saved_model.load(self.export.directory).signatures
        self.scene_noise = noises.example_noise(self.model.sample_noise_spec(1), 0, range(4))
        noise = helpers.noise_of(self.model, 4)
        images = exported.images(4, shape=SHAPE).astype(np.float32) / 255.0
        self.requests = {
            "sample": {f"noise_{entry}": value for entry, value in self.scene_noise.items()},
            "serve_float_with_noise": {"images": images, **{f"noise_{entry}": value for entry, value in noise.items()}}}


class ScenesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.all = {name: Exported(name, folder.name) for name in MODELS}

    def test_sample_signature_draws_the_scenes_of_the_model(self):
        for name, ours in self.all.items():
            found = ours.signatures["sample"](**ours.requests["sample"])
            expected = ours.model.sample(ours.scene_noise)
            for output in ("reconstruction", "masks", "components", "slots"):
                np.testing.assert_allclose(found[output], expected[output], atol=1e-5, err_msg=f"{name} {output}")
            same = np.mean(found["segmentation"] == helpers.array(expected["segmentation"]))
            self.assertGreater(same, 0.99, name)
            third = {entry: value[2:3] for entry, value in ours.requests["sample"].items()}
            alone = ours.signatures["sample"](**third)
            np.testing.assert_allclose(alone["reconstruction"][0], found["reconstruction"][2], atol=1e-5, err_msg=name)
            self.assertGreater(np.ptp(found["reconstruction"], axis=0).max(), 1e-2, name)

    def test_cpp_loader_and_warm_up_know_the_signature(self):
        for name, ours in self.all.items():
            differences = ours.export.report.differences["sample"]
            self.assertEqual(set(differences), {"masks", "slots", "reconstruction", "components", "segmentation",
                                                "segmentation_thresholded"}, name)
            self.assertLess(max(differences.values()), verify.TOLERANCE, name)
            self.assertEqual(ours.export.report.num_warmup, 2 * len(ours.signatures), name)
            card = pathlib.Path(ours.export.directory, "assets.extra", "model_card.json").read_text()
            inputs = json.loads(card)["signatures"]["sample"]["inputs"]
            self.assertEqual({entry: inputs[entry]["shape"] for entry in ours.requests["sample"]},
                             {f"noise_{entry}": [None, *value.shape[1:]] for entry, value in ours.scene_noise.items()})

    @unittest.skipUnless(importlib.util.find_spec("openvino"), "openvino is not installed")
    def test_openvino_finds_objects_and_draws_scenes(self):
        requests = {ours.export.directory: {signature: [{name: value[:size] for name, value in request.items()}
                                                        for size in (1, 4)]
                                            for signature, request in ours.requests.items()}
                    for ours in self.all.values()}
        answers = exported.ask_openvino_about(requests)
        for ours in self.all.values():
            for signature, given in requests[ours.export.directory].items():
                for asked, answer in zip(given, answers[ours.export.directory][signature]):
                    self.check_answer(ours, signature, asked, answer)

    def check_answer(self, ours, signature, asked, answer):
        where = f"{ours.model.name} {signature}"
        expected = {name: value.numpy() for name, value in ours.signatures[signature](**asked).items()}
        if where == "monet_g sample":  # its slots are the noise: OpenVINO calls what comes out by what went in
            answer["slots"] = answer.pop("noise_latents")
        self.assertEqual(set(answer), set(expected), where)
        for name, wanted in expected.items():
            if wanted.dtype == np.uint8:
                self.assertLess(np.mean(answer[name] != wanted), 0.01, f"{where} {name}")  # ties between masks
            else:
                np.testing.assert_allclose(answer[name], wanted, rtol=1e-3, atol=1e-4, err_msg=f"{where} {name}")


if __name__ == "__main__":
    unittest.main()
