"""An exported AST-Seg says where its objects are, in TensorFlow's C++ loader and in OpenVINO, without any noise."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.conformance.descriptors import MODELS
from tests.conformance.test_segformer import SEGFORMER
from tests.serving import exported
from tfobj import config
from tfobj.serving import cpp_loader
from tfobj.serving import exporter
from tfobj.training import run_directory
from tfobj.training.checkpoints import Checkpoints

DESCRIPTOR = next(descriptor for descriptor in MODELS if descriptor.name == "ast_seg")
PLACES = ("boxes", "positions", "inverse_scales")


def write_run(directory, model):
    """Writes the run directory of a model."""
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    experiment = config.ExperimentConfig("ast_seg", DESCRIPTOR.config, config.DataConfig(dataset="colored_shapes"),
                                         config.TrainConfig())
    run_directory.write_run(directory, experiment, DESCRIPTOR.image_shape, {})
    Checkpoints(directory, model, optimizer, keep=1).save(0)


def numbers_in(directory):
    """How many numbers the variables of a SavedModel hold."""
    variables = tf.train.list_variables(os.path.join(directory, "variables", "variables"))
    return sum(int(np.prod(shape)) for name, shape in variables if name != "_CHECKPOINTABLE_OBJECT_GRAPH")


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

    def run_command(self, command, *arguments):
        """Runs a command of the package without the background; returns the directory with its run."""
        root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        write_run(root / "run", self.model)
        words = [word.format(root=root) for word in arguments]
        done = subprocess.run([sys.executable, "-m", f"tfobj.{command}", f"--run_dir={root}/run", "--nouse_background",
                               *words], cwd=exported.ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return root

    def check_without_background(self, masks, reconstruction):
        """Masks are those of the model; the picture is that of the objects alone."""
        outputs = {name: np.asarray(value) for name, value in self.model(self.images).items()}
        self.assertLess(helpers.largest_difference(masks, outputs["masks"]), 1e-4)
        layers = outputs["masks"][..., None] * outputs["components"]  # [B,K+1,H,W,3]
        self.assertLess(helpers.largest_difference(reconstruction, layers[:, 1:].sum(axis=1)), 1e-4)
        self.assertGreater(layers[:, 0].max(), 0.1, "the background was something")

    def test_an_export_without_background_leaves_the_autoencoder_out(self):
        root = self.run_command("export", "--export_dir={root}/base", "--noverify")
        directory = f"{root}/base/1"
        card = json.loads(pathlib.Path(directory, "assets.extra", "model_card.json").read_text())
        self.assertFalse(card["model_config"]["use_background"])
        self.assertEqual(card["signatures"], json.loads(json.dumps(self.export.card["signatures"])))
        answer, = cpp_loader.run_in_subprocess(directory, [("serve_float", {"images": self.images})])
        self.check_without_background(answer["masks"], answer["reconstruction"])
        left_out = sum(int(np.prod(weight.shape)) for weight in self.model.background.weights)
        self.assertEqual(numbers_in(self.export.directory) - numbers_in(directory), left_out)

    def test_predictions_without_background(self):
        with tempfile.TemporaryDirectory() as photos:
            for number, image in enumerate(self.images):
                file = exported.image_file(np.uint8(np.round(255.0 * image)))
                pathlib.Path(photos, f"{number}.png").write_bytes(file)
            root = self.run_command("predict", f"--images={photos}/*.png", "--out={root}/out")
        index = json.loads((root / "out" / "predictions.json").read_text())
        self.assertIs(index["use_background"], False)
        arrays = []
        for entry in index["images"]:
            with np.load(root / "out" / entry["arrays"]) as file:
                arrays.append(dict(file))
        masks, reconstruction = (np.stack([row[name] for row in arrays]) for name in ("masks", "reconstruction"))
        self.check_without_background(masks, reconstruction)


class SegFormerExportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.model, cls.images = SEGFORMER.build(), SEGFORMER.image(3)
        cls.export = exporter.export_model(cls.model, os.path.join(temporary.name, "base"), verify=False)
        cls.requests = [{"images": cls.images[:count]} for count in (1, 3)]

    def check(self, answers):
        """Compares the answers of a runtime with the model."""
        for request, answer in zip(self.requests, answers, strict=True):
            outputs = self.model(request["images"])
            for name in ("masks", "slots", "reconstruction", *PLACES):
                self.assertLess(helpers.largest_difference(answer[name], outputs[name]), 1e-4, name)
            self.assertLess(np.mean(answer["segmentation"] != np.asarray(outputs["segmentation"])), 0.01)

    def test_the_cpp_loader_answers_as_the_model(self):
        self.check(cpp_loader.run_in_subprocess(self.export.directory,
                                                [("serve_float", request) for request in self.requests]))

    @unittest.skipUnless(importlib.util.find_spec("openvino"), "openvino is not installed")
    def test_openvino_answers_as_the_model(self):
        self.check(exported.ask_openvino(self.export.directory, {"serve_float": self.requests})["serve_float"])


if __name__ == "__main__":
    unittest.main()
