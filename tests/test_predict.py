"""From photos of any kind to files, in process and through the command line."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import keras
import numpy as np
from PIL import Image

from tfobj import config
from tfobj import file_writing
from tfobj import photos
from tfobj import prediction
from tfobj import registry
from tfobj.errors import UserError
from tfobj.serving.options import ServingOptions
from tfobj.training import run_directory
from tfobj.training.checkpoints import Checkpoints

ROOT = pathlib.Path(__file__).resolve().parents[1]
TINY = config.SlotAttentionConfig(
    num_slots=3, num_iterations=2, slot_size=8, mlp_hidden_size=8, encoder_channels=8, encoder_strides=(2, 1),
    decoder_channels=8, decoder_broadcast_size=4, decoder_strides=(2, 2, 1))


def tiny_model(channels=3):
    """An untrained model of 16x16 images."""
    keras.utils.set_random_seed(0)
    return registry.build_model("slot_attention", TINY, (16, 16, channels))


def write_run(directory):
    """Writes the run directory of an untrained model and returns the model; its weights differ from a new model's."""
    experiment = config.ExperimentConfig("slot_attention", TINY, config.DataConfig(dataset="colored_shapes"),
                                         config.TrainConfig())
    model, optimizer = tiny_model(), keras.optimizers.Adam()
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + generator.normal(0.0, 0.3, weight.shape))
    optimizer.build(model.trainable_variables)
    run_directory.write_run(directory, experiment, (16, 16, 3), {})
    Checkpoints(directory, model, optimizer, keep=1).save(0)
    return model


def photo(seed, height=30, width=44, channels=3):
    """A random photo with large patches."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, channels)).astype(np.uint8)
    return np.asarray(Image.fromarray(small.squeeze()).resize((width, height), Image.BICUBIC)).reshape(
        height, width, channels)


class PredictorTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.model = tiny_model()

    def test_an_image_gets_the_same_answer_among_any_others(self):
        images = [photo(seed, 20 + 9 * seed) for seed in range(4)]
        single = prediction.Predictor(self.model, ServingOptions(threshold=0.0))
        answers = [single([image])[0] for image in images]
        for image, answer in reversed(list(zip(images, answers))):
            for key, value in single([image])[0].items():
                np.testing.assert_array_equal(value, answer[key], err_msg=key)
        for batch_size in (2, 4):
            predictor = prediction.Predictor(self.model, ServingOptions(threshold=0.0), batch_size)
            for index, result in enumerate(predictor(images[:batch_size])):
                for key in ("slots", "masks", "reconstruction"):
                    np.testing.assert_allclose(result[key], answers[index][key], atol=2e-6, err_msg=key)

    def test_shapes_follow_the_model_and_the_photo(self):
        options = ServingOptions(num_slots=5, num_iterations=4, threshold=0.0)
        result = prediction.Predictor(self.model, options, batch_size=2)([photo(0), photo(1, 100, 7, 1)])
        self.assertEqual(result[0]["masks"].shape, (5, 16, 16))
        self.assertEqual(result[0]["slots"].shape, (5, 8))
        self.assertEqual(result[0]["photo_segmentation"].shape, (30, 44))
        self.assertEqual(result[1]["photo_segmentation"].shape, (100, 7))
        np.testing.assert_array_equal(result[0]["segmentation"], np.argmax(result[0]["masks"], axis=0) + 1)
        np.testing.assert_array_equal(np.unique(result[0]["photo_segmentation"]), np.unique(result[0]["segmentation"]))

    def test_a_gray_model_takes_colour_photos_and_a_colour_model_gray_ones(self):
        color = photo(0, 16, 16)
        gray = prediction.Predictor(tiny_model(1), ServingOptions(), batch_size=1)([color])[0]
        self.assertEqual(gray["image"].shape, (16, 16, 1))
        np.testing.assert_allclose(gray["image"][..., 0], color.mean(axis=-1) / 255.0, atol=1e-6)
        same = prediction.Predictor(self.model, ServingOptions(), batch_size=1)([photo(0, 16, 16, 1)])[0]
        np.testing.assert_array_equal(same["image"][..., 0], same["image"][..., 2])

    def test_a_high_threshold_leaves_background(self):
        result = prediction.Predictor(self.model, ServingOptions(threshold=1.0), batch_size=1)([photo(0)])[0]
        np.testing.assert_array_equal(result["photo_segmentation"], 0)

    def test_impossible_options_and_a_diverged_model_are_named(self):
        for options, batch_size, message in ((ServingOptions(num_slots=255), 1, "--num_slots=255"),
                                             (ServingOptions(threshold=1.5), 1, "--threshold=1.5"),
                                             (ServingOptions(), 0, "--batch_size=0")):
            with self.assertRaisesRegex(UserError, message):
                prediction.Predictor(self.model, options, batch_size)
        model = tiny_model()
        model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
        with self.assertRaisesRegex(UserError, "not finite"):
            prediction.Predictor(model, ServingOptions(), batch_size=1)([photo(0)])


class FilesTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = str(self.folder / "out")

    def saved(self, name, array):
        """Saves an image; returns its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.squeeze(array)).save(path)
        return str(path)

    def test_the_files_of_an_image_agree_with_each_other(self):
        paths = [self.saved("a/cat.png", photo(0)), self.saved("b/cat.png", photo(1, 64, 48, 1))]
        for num_slots in (4, 3):  # the second run leaves nothing of the first
            options = ServingOptions(num_slots=num_slots, threshold=0.3)
            predictor = prediction.Predictor(tiny_model(), options, batch_size=1)
            file_writing.prepare_out(self.out)
            index = prediction.predict(predictor, paths, self.out, {"step": 7}, tell=lambda line: None)
        self.assertEqual(json.loads((self.folder / "out/predictions.json").read_text()), index)
        self.assertEqual([entry["image"] for entry in index["images"]], paths)
        expected = {f"{name}_{part}" for name in ("a_cat", "b_cat") for part in
                    ("segmentation.png", "overlay.png", "slots")} | {"a_cat.npz", "b_cat.npz"}
        self.assertEqual(set(os.listdir(self.out)), expected | {"overview.png", "predictions.json"})
        for path, entry in zip(paths, index["images"]):
            self.check_entry(photos.read(path), entry)

    def test_results_of_an_earlier_call_are_replaced_and_nothing_else(self):
        predictor, lines = prediction.Predictor(tiny_model(), ServingOptions()), []
        paths = [self.saved(f"photos/{name}.png", photo(0)) for name in ("a", "b", "c")]
        file_writing.prepare_out(self.out)
        outside = self.saved("elsewhere.png", photo(0))
        prediction.predict(predictor, paths[:2], self.out, {}, tell=lines.append)
        index = json.loads((self.folder / "out/predictions.json").read_text())
        index["images"][0]["overlay"] = "../elsewhere.png"  # an index that another hand has changed
        (self.folder / "out/predictions.json").write_text(json.dumps(index))
        for name in ("out/mine.txt", "out/b_slots/mine.txt"):
            (self.folder / name).write_text("mine")
        cut_out = os.path.join(self.out, "b_slots", "slot_1.png")
        with self.assertRaisesRegex(UserError, "slot_1.png, which --images names: it is a result of an earlier call"):
            prediction.predict(predictor, [cut_out], self.out, {}, tell=lines.append)
        self.assertEqual(lines, [])
        prediction.predict(predictor, paths[2:], self.out, {}, tell=lines.append)
        self.assertEqual(lines, [f"--out={self.out} held the results of an earlier call for 2 images, listed in its "
                                 "predictions.json: they are replaced"])
        self.assertEqual(set(os.listdir(self.out)), {
            "a_overlay.png", "b_slots", "mine.txt", "c_segmentation.png", "c_overlay.png", "c_slots", "c.npz",
            "overview.png", "predictions.json"})
        self.assertEqual(os.listdir(os.path.join(self.out, "b_slots")), ["mine.txt"])
        self.assertTrue(os.path.exists(outside))
        (self.folder / "out/predictions.json").write_text("[1]")
        prediction.predict(predictor, paths[:1], self.out, {}, tell=lines.append)
        self.assertEqual(len(lines), 1)

    def check_entry(self, pixels, entry):
        """Compares the files of one image with each other and with the photo."""
        ids = np.asarray(Image.open(os.path.join(self.out, entry["segmentation"])))
        self.assertEqual(ids.shape, (entry["height"], entry["width"]))
        self.assertEqual(len(entry["slots"]), 3)
        for slot in entry["slots"]:
            cut_out = np.asarray(Image.open(os.path.join(self.out, slot["cut_out"])))
            np.testing.assert_array_equal(cut_out[..., 3], np.where(ids == slot["id"], 255, 0))
            self.assertEqual(slot["pixels"], int((ids == slot["id"]).sum()))
            inside = ids == slot["id"]
            np.testing.assert_array_equal(cut_out[inside][:, :3], np.broadcast_to(pixels, (*ids.shape, 3))[inside])
        self.assertEqual(len(os.listdir(os.path.join(self.out, os.path.dirname(entry["slots"][0]["cut_out"])))), 3)
        with np.load(os.path.join(self.out, entry["arrays"])) as arrays:
            self.assertEqual({name: arrays[name].shape for name in arrays.files},
                             {"slots": (3, 8), "masks": (3, 16, 16), "reconstruction": (16, 16, 3),
                              "segmentation": (16, 16)})
            self.assertLessEqual(set(np.unique(ids)), set(np.unique(arrays["segmentation"])))

    def test_bad_places_for_the_results_are_named_before_anything_is_written(self):
        path = self.saved("photos/a.png", photo(0))
        with self.assertRaisesRegex(UserError, "results would mix with photos"):
            photos.check([path], str(self.folder / "photos"))
        with self.assertRaisesRegex(UserError, "--out=.*a.png cannot be written"):
            file_writing.prepare_out(path)
        self.assertEqual(os.listdir(self.folder), ["photos"])

    def predict(self, *arguments):
        """Runs the command line; returns the finished process."""
        return subprocess.run([sys.executable, "-m", "tfobj.predict", *arguments], cwd=ROOT, capture_output=True,
                              text=True, check=False)

    def test_command_line_from_run_directory_to_files(self):
        model = write_run(self.folder / "run")
        self.saved("photos/a.png", photo(0))
        self.saved("photos/b.jpg", photo(1, 50, 20, 1))
        result = self.predict(f"--run_dir={self.folder}/run", f"--images={self.folder}/photos/*", f"--out={self.out}",
                              "--threshold=0", "--num_iterations=1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout.splitlines()[-1], r"^predicted: images=2 mean_slots_found=[\d.]+ overview=")
        index = json.loads((self.folder / "out/predictions.json").read_text())
        self.assertEqual((index["step"], index["threshold"], index["num_iterations"]), (0, 0.0, 1))
        predictor = prediction.Predictor(model, ServingOptions(threshold=0.0, num_iterations=1))
        for entry in index["images"]:
            self.assertEqual(sum(slot["pixels"] for slot in entry["slots"]), entry["height"] * entry["width"])
            with np.load(os.path.join(self.out, entry["arrays"])) as arrays:
                expected = predictor([photos.read(entry["image"])])[0]
                np.testing.assert_allclose(arrays["masks"], expected["masks"], atol=1e-5)

    def test_command_line_names_the_flag_that_is_missing(self):
        result = self.predict("--run_dir=runs/a", "--images=a.png")
        self.assertEqual((result.returncode, result.stderr), (2, "error: --out is required; see --help\n"))

    def test_command_line_refuses_what_is_no_image_and_writes_nothing(self):
        write_run(self.folder / "run")
        self.saved("photos/a.png", photo(0))
        (self.folder / "photos/b.png").write_text("hello")
        result = self.predict(f"--run_dir={self.folder}/run", f"--images={self.folder}/photos/*.png",
                              f"--out={self.out}")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertIn("b.png: this is no image", result.stderr)
        self.assertFalse(os.path.exists(self.out))


if __name__ == "__main__":
    unittest.main()
