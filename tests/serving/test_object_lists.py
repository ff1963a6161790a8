"""The clients ask models that predict sets for their objects, and print them."""

import contextlib
import io
import os
import pathlib
import tempfile
import types
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.serving import exported
from tests.serving import rest_server
from tfobj import properties
from tfobj.models.slot_mlp_properties import SlotMlpSetPredictor
from tfobj.serving import signatures as signatures_lib
from tfobj.serving.options import ServingOptions

object_lists = exported.import_client("object_lists")
rest_client = exported.import_client("rest_client")
try:
    from tests.serving import prediction_service
    grpc_client = exported.import_client("grpc_client")
except ImportError:
    prediction_service = None


class ObjectListsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keras.utils.set_random_seed(0)
        cls.model = helpers.perturb(SlotMlpSetPredictor(
            exported.IMAGE_SHAPE, num_slots=3, slot_mlp_sizes=(9,), encoder_channels=4, encoder_strides=(2, 2),
            slot_size=6, head_hidden_size=8, name="model").build_on_zeros(), scale=0.5)
        module = tf.Module()
        module.functions = {
            name: tf.function(signature.function, input_signature=signature.inputs)
            for name, signature in signatures_lib.serving_signatures(cls.model, ServingOptions()).items()}
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        module.model = cls.model
        tf.saved_model.save(module, str(cls.directory / "1"), module.functions)
        cls.loaded = tf.saved_model.load(str(cls.directory / "1"))
        cls.paths = [str(cls.directory / f"{name}.png") for name in "ab"]
        images = exported.images(2)
        for path, image in zip(cls.paths, images):
            pathlib.Path(path).write_bytes(exported.image_file(image))
        cls.rows = helpers.array(cls.model(images.astype(np.float32) / 255.0, noise={})["predictions"])

    def expected(self, threshold):
        """What is printed."""
        lines = []
        for path, rows in zip(self.paths, self.rows):
            found = [entry for entry in properties.describe(rows) if entry["confidence"] >= threshold]
            lines.append(f"{path}: {len(found)} object{'' if len(found) == 1 else 's'}")
            for entry in sorted(found, key=lambda entry: -entry["confidence"]):
                place = " ".join(f"{value:.2f}" for value in entry["coordinates"])
                words = " ".join(entry[name] for name in ("size", "color", "material", "shape"))
                lines.append(f"  {entry['confidence']:.2f} {words} at {place}")
        return lines

    def check(self, client, server, *options):
        """The client prints the objects and writes nothing."""
        middle = float(np.median(self.rows[..., properties.PRESENCE]))
        for threshold in (0.0, middle):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                status = client.main([f"--server={server}", f"--min_confidence={threshold}", *options, *self.paths])
            self.assertEqual((status, printed.getvalue().splitlines()), (0, self.expected(threshold)))
        self.assertEqual(set(os.listdir(self.directory)), {"1", "a.png", "b.png"})
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            status = client.main([f"--server={server}", "--raw", *self.paths])
        self.assertEqual(status, 2)
        self.assertIn("--raw has no effect on models that predict sets", printed.getvalue())

    def test_over_rest(self):
        with rest_server.serving(self.loaded) as server:
            self.check(rest_client, server, "--batch_size=1", "--label=stable")
            self.check(rest_client, server, "--columnar")

    @unittest.skipUnless(prediction_service, "tensorflow-serving-api is not installed")
    def test_over_grpc(self):
        with prediction_service.serving(self.loaded) as server:
            self.check(grpc_client, server, "--label=stable")

    def test_the_signature_is_one_that_the_model_has(self):
        self.assertEqual(object_lists.signature_of(["serve_bytes", "segment_bytes"]), "segment_bytes")
        self.assertEqual(object_lists.signature_of(["serve_bytes", "serve_float"]), "serve_bytes")
        with self.assertRaisesRegex(ValueError, "neither segment_bytes nor serve_bytes, but other; is it an export of"):
            object_lists.signature_of(["other"])
        arguments = types.SimpleNamespace(raw=False, images=self.paths, batch_size=2, min_confidence=0.0)
        with self.assertRaisesRegex(ValueError, "no answer for .*a.png, .*b.png: 'confidence'"):
            object_lists.print_objects(arguments, lambda files: {})


if __name__ == "__main__":
    unittest.main()
