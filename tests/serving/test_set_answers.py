"""Exports of models that predict sets: confidences and names of properties, with and without noise."""

import os
import tempfile
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.serving import exported
from tfobj import properties
from tfobj.data import preprocessing
from tfobj.errors import UserError
from tfobj.models.set_prediction import SlotAttentionSetPredictor
from tfobj.models.slot_mlp_properties import SlotMlpSetPredictor
from tfobj.serving import exporter
from tfobj.serving import signatures as signatures_lib
from tfobj.serving.options import ServingOptions
from tfobj.serving.set_answers import SetAnswers

SMALL = {"encoder_channels": 4, "encoder_strides": (2, 2), "slot_size": 6, "head_hidden_size": 8, "num_slots": 3}
STRINGS, FLOATS = set(properties.CLASSES), {"predictions", "confidence", "coordinates", "slots"}


class SetAnswersTest(unittest.TestCase):
    def test_the_signatures_answer_what_the_model_predicts(self):
        keras.utils.set_random_seed(6)  # weights that magnify the rounding of graphs little
        model = helpers.perturb(SlotAttentionSetPredictor(exported.IMAGE_SHAPE, name="model", **SMALL).build_on_zeros(),
                                scale=0.5)
        options = ServingOptions(num_slots=4, num_iterations=2)
        signatures = signatures_lib.serving_signatures(model, options)
        self.assertEqual(set(signatures), {f"{name}{end}" for name in ("serving_default", "serve_float", "serve_bytes")
                                           for end in ("", "_with_noise")})
        images = exported.images(2)
        answer = {name: value.numpy() for name, value in signatures["serving_default"].function(images).items()}
        self.assertEqual(set(answer), STRINGS | FLOATS)
        noise = {name: np.repeat(value, 2, axis=0)
                 for name, value in signatures_lib.constant_noise(model, options).items()}
        outputs = model(images / np.float32(255), noise=noise, num_slots=4, num_iterations=2)
        np.testing.assert_allclose(answer["predictions"], outputs["predictions"], atol=1e-6)
        for image in range(2):
            for slot, entry in enumerate(properties.describe(outputs["predictions"][image].numpy())):
                self.assertAlmostEqual(float(answer["confidence"][image, slot]), entry["confidence"], places=5)
                np.testing.assert_allclose(answer["coordinates"][image, slot], entry["coordinates"], atol=1e-5)
                for factor in properties.CLASSES:
                    self.assertEqual(answer[factor][image, slot].decode(), entry[factor])
        portable = signatures["serve_float_with_noise"].function(images / np.float32(255), noise["slots"])
        self.assertEqual(set(portable), FLOATS)

    def test_an_export_without_noise_is_verified(self):
        keras.utils.set_random_seed(0)
        model = helpers.perturb(SlotMlpSetPredictor(exported.IMAGE_SHAPE, slot_mlp_sizes=(9,), name="model",
                                                    **SMALL).build_on_zeros(), scale=0.5)
        with tempfile.TemporaryDirectory() as directory:
            export = exporter.export_model(model, os.path.join(directory, "base"), antialias=False)
            self.assertEqual(set(export.card["signatures"]), {"serving_default", "serve_float", "serve_bytes"})
            self.assertEqual((export.card["task"], export.card["noise"]), ("set_prediction", "The model draws none."))
            self.assertEqual((export.card["threshold"], export.card["resizing"]), (None, "bilinear, without antialias"))
            described = export.card["signatures"]["serving_default"]["outputs"]
            self.assertEqual((described["color"]["dtype"], described["color"]["shape"]), ("string", [None, 3]))
            self.assertIn("gray, blue, brown", described["color"]["meaning"])
            self.assertEqual(set(described), set(SetAnswers.MEANINGS))
            self.assertEqual(set(export.report.differences["serve_bytes"]), STRINGS | FLOATS)
            self.assertEqual(set(export.report.differences["serve_float"]), FLOATS)
            self.assertLess(export.report.largest, 1e-4)

    def test_files_are_shrunk_as_the_options_say(self):
        model = SlotMlpSetPredictor(exported.IMAGE_SHAPE, slot_mlp_sizes=(9,), name="model", **SMALL).build_on_zeros()
        photo, = exported.images(1, shape=(48, 60, 3))
        for antialias in (True, False):
            serve = signatures_lib.serving_signatures(model, ServingOptions(antialias=antialias))["serve_bytes"]
            fitted = preprocessing.fit_image(photo, exported.IMAGE_SHAPE, antialias)
            np.testing.assert_allclose(serve.function(tf.constant([exported.image_file(photo)]))["predictions"],
                                       model(fitted[None], noise={})["predictions"], atol=1e-5)

    def test_a_threshold_is_refused(self):
        model = SlotMlpSetPredictor(exported.IMAGE_SHAPE, slot_mlp_sizes=(9,), name="model", **SMALL).build_on_zeros()
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaisesRegex(UserError, "--threshold=0.7 has no effect on exports of models that predict"):
                exporter.export_model(model, os.path.join(directory, "base"), threshold=0.7)
            self.assertFalse(os.path.exists(os.path.join(directory, "base", "1")))

    def test_wrong_answers_are_noticed(self):
        answers, rows = SetAnswers(None, None), np.random.default_rng(0).random((2, 3, 19)).astype(np.float32)
        outputs = {"predictions": rows, "slots": rows}
        expected = answers.expected(outputs, 1e-4)
        found = answers.published(answers.tensors({name: tf.constant(value) for name, value in outputs.items()}))
        for name, value in found.items():
            self.assertLess(answers.difference(name, value.numpy(), expected), 1e-6, name)
        colors = found["color"].numpy()
        colors[1, 2] = b"pink"
        self.assertAlmostEqual(answers.difference("color", colors, expected), 1 / 6)
        self.assertEqual(answers.difference("color", colors[:1], expected), float("inf"))
        self.assertGreater(answers.difference("confidence", rows[..., 17], expected), 0.1)
