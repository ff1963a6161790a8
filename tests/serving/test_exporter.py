"""What an export contains and how it behaves, loaded by Python and by the C++ loader."""

import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np
from PIL import Image
import tensorflow as tf

from tests.serving import exported
from tfobj.data import preprocessing
from tfobj.errors import UserError
from tfobj.noise import example_noise
from tfobj.serving import cpp_loader
from tfobj.serving import exporter
from tfobj.serving import verify

_HEIGHT, _WIDTH, _ = exported.IMAGE_SHAPE
_FULL = ["masks", "reconstruction", "segmentation", "segmentation_png_bytes", "segmentation_thresholded", "slots"]


def _call(signature, **inputs):
    outputs = exported.loaded().signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def _expected(images):
    """The Python model with the noise of seed 0 for every image."""
    model = exported.tiny_export()[0]
    noise = {name: np.repeat(value, len(images), axis=0)
             for name, value in example_noise(model.noise_spec(1), 0, [0]).items()}
    return {name: np.asarray(value) for name, value in model(images, noise=noise).items()}


class ExportTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.model, cls.export = exported.tiny_export()
        cls.images = exported.images(5)
        cls.floats = cls.images.astype(np.float32) / 255.0

    def test_layout_is_what_tensorflow_serving_expects(self):
        files = {str(path.relative_to(self.export.directory)) for path in pathlib.Path(self.export.directory).rglob("*")
                 if path.is_file()}
        self.assertTrue({"saved_model.pb", "fingerprint.pb", "variables/variables.index",
                         "assets.extra/model_card.json", "assets.extra/tf_serving_warmup_requests"} <= files)
        self.assertEqual(os.listdir(os.path.dirname(self.export.directory)), ["1"])

    def test_signatures_have_the_documented_outputs(self):
        lean, png = [name for name in _FULL if "png" not in name], ["segmentation_png_bytes",
                                                                    "segmentation_thresholded_png_bytes"]
        wanted = {name + suffix: _FULL for name in ("serving_default", "serve_float", "serve_bytes")
                  for suffix in ("", "_with_noise")} | {"serve_float_with_noise": lean, "segment_bytes": png}
        found = {name: sorted(signature.structured_outputs)
                 for name, signature in exported.loaded().signatures.items()}
        self.assertEqual(found, wanted)

    def test_every_output_has_the_batch_first(self):
        for size in (1, 3):
            outputs = _call("serving_default", images=self.images[:size])
            self.assertEqual({name: (value.shape, value.dtype) for name, value in outputs.items()}, {
                "masks": ((size, exported.NUM_SLOTS, _HEIGHT, _WIDTH), np.float32),
                "reconstruction": ((size, *exported.IMAGE_SHAPE), np.float32),
                "segmentation": ((size, _HEIGHT, _WIDTH), np.uint8),
                "segmentation_png_bytes": ((size,), object),
                "segmentation_thresholded": ((size, _HEIGHT, _WIDTH), np.uint8),
                "slots": ((size, exported.NUM_SLOTS, exported.SLOT_SIZE), np.float32)})

    def test_answers_are_the_python_models(self):
        expected = _expected(self.floats)
        for signature, inputs in (("serving_default", self.images), ("serve_float", self.floats)):
            outputs = _call(signature, images=inputs)
            for name in ("masks", "slots", "reconstruction"):
                np.testing.assert_allclose(outputs[name], expected[name], rtol=1e-5, atol=2e-6)
            np.testing.assert_array_equal(outputs["segmentation"], np.argmax(outputs["masks"], axis=1))

    def test_threshold_separates_background_from_slots(self):
        outputs = _call("serve_float", images=self.floats)
        sure = outputs["masks"].max(axis=1) > exported.THRESHOLD
        np.testing.assert_array_equal(outputs["segmentation_thresholded"],
                                      np.where(sure, outputs["segmentation"] + 1, 0))
        self.assertTrue(0.01 < sure.mean() < 0.99)

    def test_png_holds_the_segmentation(self):
        outputs = _call("serving_default", images=self.images)
        for png, segmentation in zip(outputs["segmentation_png_bytes"], outputs["segmentation"]):
            np.testing.assert_array_equal(exported.labels(png), segmentation)
            np.testing.assert_array_equal(tf.io.decode_png(png)[..., 0], segmentation)

    def test_files_of_any_size_are_fitted(self):
        pictures = [exported.images(1, 7, shape)[0] for shape in ((_HEIGHT, _WIDTH, 3), (40, 33, 3), (9, 50, 3))]
        files = [exported.image_file(pictures[0]), exported.image_file(pictures[1]),
                 exported.image_file(pictures[2], "JPEG")]
        outputs = _call("serve_bytes", image_bytes=files)
        pictures[2] = np.asarray(Image.open(io.BytesIO(files[2])))
        fitted = np.stack([preprocessing.fit_image(picture, exported.IMAGE_SHAPE) for picture in pictures])
        np.testing.assert_allclose(outputs["masks"], _expected(fitted)["masks"], rtol=1e-5, atol=2e-6)
        np.testing.assert_allclose(outputs["masks"][0], _call("serving_default", images=pictures[0][None])["masks"][0],
                                   atol=1e-6)

    def test_segment_bytes_answers_in_the_files_own_sizes(self):
        shapes = ((_HEIGHT, _WIDTH, 3), (2 * _HEIGHT, 3 * _WIDTH, 3), (7, 50, 3))
        files = [exported.image_file(exported.images(1, 7, shape)[0]) for shape in shapes]
        full, answer = _call("serve_bytes", image_bytes=files), _call("segment_bytes", image_bytes=files)
        for name in ("segmentation", "segmentation_thresholded"):
            found = [exported.labels(png) for png in answer[f"{name}_png_bytes"]]
            self.assertEqual([labels.shape for labels in found], [shape[:2] for shape in shapes])
            np.testing.assert_array_equal(found[0], full[name][0])
            np.testing.assert_array_equal(found[1], full[name][1].repeat(2, axis=0).repeat(3, axis=1))

    def test_same_image_same_answer_in_any_batch(self):
        whole = _call("serve_float", images=self.floats)
        for indices in ([2], [4, 2], [0, 1, 3, 2]):
            part = _call("serve_float", images=self.floats[indices])
            for name in ("masks", "slots", "reconstruction"):
                self.assertLessEqual(verify.relative_difference(part[name][-1], whole[name][2]), 1e-6)
            np.testing.assert_array_equal(part["segmentation"][-1], whole["segmentation"][2])

    def test_restart_answers_bit_for_bit_the_same(self):
        calls = [("serve_float", {"images": self.floats}), ("serve_float", {"images": self.floats}),
                 ("serve_bytes", {"image_bytes": np.array([exported.image_file(self.images[0])], object)})]
        first, again = (cpp_loader.run_in_subprocess(self.export.directory, calls) for _ in range(2))
        for one, other in [*zip(first, again), (first[0], first[1])]:
            for name in one:
                np.testing.assert_array_equal(one[name], other[name])

    def test_given_noise_takes_the_place_of_the_constant(self):
        noise = np.random.default_rng(3).standard_normal((5, exported.NUM_SLOTS, exported.SLOT_SIZE)).astype(np.float32)
        expected = {name: np.asarray(value) for name, value in self.model(self.floats, noise={"slots": noise}).items()}
        for signature, inputs in (("serve_float", self.floats), ("serving_default", self.images)):
            outputs = _call(f"{signature}_with_noise", images=inputs, noise_slots=noise)
            np.testing.assert_allclose(outputs["masks"], expected["masks"], rtol=1e-5, atol=2e-6)
        constant = example_noise(self.model.noise_spec(1), 0, [0])["slots"]
        same = _call("serve_float_with_noise", images=self.floats, noise_slots=np.repeat(constant, 5, axis=0))
        np.testing.assert_allclose(same["masks"], _call("serve_float", images=self.floats)["masks"], atol=1e-6)

    def test_graph_holds_nothing_random(self):
        from tensorflow.core.protobuf import saved_model_pb2

        content = pathlib.Path(self.export.directory, "saved_model.pb").read_bytes()
        graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
        operations = {node.op for part in (graph, *graph.library.function)
                      for node in (part.node if part is graph else part.node_def)}
        self.assertEqual([name for name in operations if "Random" in name or name == "EagerPyFunc"], [])

    def test_file_that_is_no_image_is_refused_by_name(self):
        answers = cpp_loader.run_in_subprocess(self.export.directory, [
            ("serve_bytes", {"image_bytes": np.array([exported.image_file(self.images[0]), content], object)})
            for content in (b"no image", exported.image_file(self.images[0])[:60], b"")])
        for answer in answers:
            self.assertIsInstance(answer, str)
        self.assertIn("Unknown image file format", answers[0])

    def test_report_covers_every_signature_and_warm_up(self):
        self.assertEqual(sorted(self.export.report.differences), sorted(exported.loaded().signatures))
        self.assertLess(self.export.report.largest, 1e-5)
        self.assertLess(self.export.report.batch_difference, 1e-5)
        self.assertEqual(self.export.report.num_warmup, 7 * 2)

    def test_card_describes_model_run_and_tensors(self):
        card = json.loads(pathlib.Path(self.export.directory, "assets.extra", "model_card.json").read_text())
        self.assertEqual(card, self.export.card)
        self.assertEqual([card[name] for name in ("num_slots", "num_iterations", "threshold", "noise_seed", "run")],
                         [exported.NUM_SLOTS, 2, exported.THRESHOLD, 0, {"step": 7}])
        for signature in card["signatures"].values():
            for tensor in (*signature["inputs"].values(), *signature["outputs"].values()):
                self.assertEqual(tensor["shape"][0], None)
                self.assertTrue(tensor["meaning"])
        masks = card["signatures"]["serve_float"]["outputs"]["masks"]
        self.assertEqual((masks["dtype"], masks["shape"]), ("float32", [None, exported.NUM_SLOTS, _HEIGHT, _WIDTH]))

    def test_importing_needs_no_serving_api(self):
        code = ("import sys; sys.modules['tensorflow_serving'] = None; sys.modules['grpc'] = None; "
                "import tfobj.export, tfobj.serving.exporter")
        subprocess.run([sys.executable, "-c", code], check=True, cwd=exported.ROOT, capture_output=True)


class ExportOptionsTest(unittest.TestCase):

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.base = os.path.join(temporary.name, "base")
        self.model = exported.tiny_export()[0]

    def test_slots_and_iterations_can_be_overridden_and_versions_count_up(self):
        os.makedirs(os.path.join(self.base, "7"))
        export = exporter.export_model(self.model, self.base, num_slots=5, num_iterations=1, noise_seed=4)
        self.assertEqual((export.version, sorted(os.listdir(self.base))), (8, ["7", "8"]))
        self.assertEqual([export.card[name] for name in ("num_slots", "num_iterations", "noise_seed")], [5, 1, 4])
        images = exported.images(1).astype(np.float32) / 255.0
        answer, = cpp_loader.run_in_subprocess(export.directory, [("serve_float", {"images": images})])
        noise = example_noise(self.model.noise_spec(1, 5), 4, [0])
        expected = self.model(images, noise=noise, num_slots=5, num_iterations=1)
        np.testing.assert_allclose(answer["masks"], expected["masks"], atol=1e-6)

    def test_gray_models_take_colour_files(self):
        export = exporter.export_model(exported.tiny_model((16, 16, 1)), self.base)
        self.assertLess(export.report.largest, 1e-5)

    def test_impossible_options_are_refused_and_write_nothing(self):
        for options, message in (({"num_slots": 0}, "--num_slots=0"), ({"num_slots": 255}, "up to 254 slots"),
                                 ({"num_iterations": -1}, "--num_iterations=-1"),
                                 ({"threshold": 1.5}, "--threshold=1.5"), ({"noise_seed": -1}, "--noise_seed=-1")):
            with self.assertRaisesRegex(UserError, message):
                exporter.export_model(self.model, self.base, **options)
        self.assertFalse(os.path.exists(self.base))

    def test_per_slot_parameters_fix_the_number_of_slots(self):
        model = exported.tiny_model(slot_init="per_slot")
        with self.assertRaisesRegex(UserError, "num_slots=5 but slot_init=per_slot"):
            exporter.export_model(model, self.base, num_slots=5)
        self.assertFalse(os.path.exists(self.base))

    def test_diverged_weights_are_refused(self):
        model = exported.tiny_model()
        model.encoder.weights[0].assign(np.full(model.encoder.weights[0].shape, np.nan))
        with self.assertRaisesRegex(UserError, "not finite: its training diverged"):
            exporter.export_model(model, self.base)

    def test_base_path_that_is_a_file_is_refused(self):
        pathlib.Path(self.base).write_text("in the way")
        for path in (self.base, os.path.join(self.base, "below")):
            with self.assertRaisesRegex(UserError, f"--export_dir={path} (is a file|cannot be created)"):
                exporter.export_model(self.model, path)

    def test_failed_verification_leaves_no_version(self):
        report = mock.Mock(problems=["serve_float: `masks` differs by 0.3, more than 0.0001"])
        with mock.patch.object(exporter.verify_lib, "verify_export", return_value=report):
            with self.assertRaisesRegex(UserError, "nothing was written.*`masks` differs by 0.3"):
                exporter.export_model(self.model, self.base)
        self.assertEqual(os.listdir(self.base), [])


if __name__ == "__main__":
    unittest.main()
