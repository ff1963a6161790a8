"""What `tfobj.predict` writes of models that predict sets."""

import json
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import keras
import numpy as np
from PIL import Image

from tests import helpers
from tfobj import file_writing
from tfobj import prediction
from tfobj import properties
from tfobj.config import DataConfig, ExperimentConfig
from tfobj.data import preprocessing
from tfobj.models.set_prediction import SlotAttentionSetPredictor
from tfobj.serving.options import ServingOptions
from tfobj.set_files import SetFiles


class SetFilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.paths = [str(self.folder / f"{name}.png") for name in "ab"]
        for path, image in zip(self.paths, helpers.images(2, (20, 30, 3))):
            Image.fromarray(image).save(path)
        keras.utils.set_random_seed(0)
        self.model = helpers.perturb(SlotAttentionSetPredictor(
            (16, 16, 3), num_slots=3, encoder_channels=4, encoder_strides=(2, 2), slot_size=6,
            name="model").build_on_zeros(), scale=0.2)

    def predict(self, **options):
        """Runs it; returns the index."""
        predictor, out = prediction.Predictor(self.model, ServingOptions(**options)), str(self.folder / "out")
        file_writing.prepare_out(out)
        self.told = []
        index = prediction.predict(predictor, self.paths, out, {"step": 7}, tell=self.told.append)
        self.assertEqual(json.loads((self.folder / "out" / "predictions.json").read_text()), index)
        return index, predictor.files.told(index["images"])

    def test_the_objects_are_in_the_index_the_most_confident_first(self):
        index, (warnings, results) = self.predict(threshold=0.0)
        self.assertEqual((warnings, results), ([], "mean_objects_found=3.00"))
        self.assertEqual(set(os.listdir(self.folder / "out")), {
            "a.npz", "b.npz", "a_objects.png", "b_objects.png", "overview.png", "predictions.json"})
        for entry in index["images"]:
            self.assertEqual((entry["height"], entry["width"]), (20, 30))
            with np.load(self.folder / "out" / entry["arrays"]) as arrays:
                self.assertEqual(set(arrays.files), {"predictions", "slots", "attention"})
                rows = arrays["predictions"]
            order = np.argsort(-rows[:, properties.PRESENCE], kind="stable")
            expected = [{"slot": int(slot) + 1, **properties.describe(rows[slot:slot + 1])[0]} for slot in order]
            self.assertEqual(entry["objects"], expected)

    def test_photos_are_shrunk_as_in_training(self):
        photo, = helpers.images(1, (40, 48, 3))
        run = mock.Mock(config=ExperimentConfig("slot_attention_properties", None,
                                                DataConfig(preprocessing="slot_attention_properties"), None))
        seen, = prediction.Predictor(self.model, ServingOptions().of_run(run))([photo])
        frame = preprocessing.plan("slot_attention_properties", photo.shape, "16").images(photo[None])[0]
        np.testing.assert_allclose(seen["image"], frame, atol=1e-6)

    def test_a_threshold_of_0_lists_every_slot_with_any_confidence(self):
        files = SetFiles(None, ServingOptions(threshold=0.0))
        rows = np.zeros((3, properties.NUM_PROPERTIES), np.float32)  # DSPN's mask may be exactly 0
        rows[1, properties.PRESENCE] = 1e-6
        self.assertEqual([entry["slot"] for entry in files.derived({"predictions": rows}, None)["objects"]], [2])

    def test_a_threshold_leaves_the_sure_ones(self):
        index, _ = self.predict(threshold=0.0)
        confidences = [entry["confidence"] for image in index["images"] for entry in image["objects"]]
        middle = float(np.median(confidences))
        index, (_, results) = self.predict(threshold=middle)
        self.assertEqual(self.told, [f"--out={self.folder}/out held the results of an earlier call for 2 images, "
                                     "listed in its predictions.json: they are replaced"])
        found = sum(len(image["objects"]) for image in index["images"])
        self.assertEqual((found, results), (3, "mean_objects_found=1.50"))
        _, (warnings, _) = self.predict(threshold=1.0)
        self.assertIn("no object has a confidence above --threshold=1;", warnings[0])
