"""Verification notices exports that compute something else."""

import pathlib
import shutil
import tempfile
import unittest

import numpy as np
import tensorflow as tf

from tests.serving import exported
from tfobj.serving import verify
from tfobj.serving import warmup
from tfobj.serving.options import ServingOptions

_OPTIONS = ServingOptions(threshold=exported.THRESHOLD)


class VerifyTest(unittest.TestCase):

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.model, export = exported.tiny_export()
        self.directory = pathlib.Path(shutil.copytree(export.directory, pathlib.Path(temporary.name, "copy")))

    def _verify(self, options=_OPTIONS):
        return verify.verify_export(str(self.directory), self.model, options, batch_sizes=(1, 2))

    def test_model_on_another_device_is_compared_on_the_first_cpu(self):
        with tf.device("/CPU:1"):
            model = exported.tiny_model()
        self.assertIn("CPU:1", model.encoder.weights[0].value.device)
        self.model = model
        self.assertEqual(self._verify().problems, [])

    def test_changed_weight_is_found(self):
        path = next(self.directory.glob("variables/variables.data*"))
        before = np.frombuffer(path.read_bytes(), np.uint8).copy()
        kernel = self.model.slot_attention.v.kernel.numpy().tobytes()
        start = before.tobytes().index(kernel)
        before[start:start + len(kernel)] = 0
        path.write_bytes(before.tobytes())
        report = self._verify()
        self.assertTrue(report.problems)

    def test_other_constants_are_found(self):
        noise = self._verify(ServingOptions(threshold=exported.THRESHOLD, noise_seed=1))
        self.assertTrue(any(problem.startswith("serve_float: `masks` differs") for problem in noise.problems))
        self.assertLess(max(noise.differences["serve_float_with_noise"].values()), verify.TOLERANCE)
        threshold = self._verify(ServingOptions(threshold=exported.THRESHOLD + 0.05))
        found = {problem.split("`")[1] for problem in threshold.problems}
        self.assertEqual(found, {"segmentation_thresholded", "segmentation_thresholded_png_bytes"})

    def test_truncated_weights_are_found(self):
        path = next(self.directory.glob("variables/variables.data*"))
        path.write_bytes(path.read_bytes()[:-1000])
        report = self._verify()
        self.assertEqual(len(report.problems), 1)
        self.assertIn("the C++ loader ended with status", report.problems[0])

    def test_warm_up_request_that_fails_is_found(self):
        path = str(self.directory / warmup.FILE_NAME)
        record = next(iter(tf.data.TFRecordDataset(path))).numpy()
        self.assertIn(b"segment_bytes", record)
        warmup.write_warmup(str(self.directory), [record.replace(b"segment_bytes", b"segment_bytez")])
        self.assertEqual(self._verify().problems, ["segment_bytez, warm-up request: KeyError: 'segment_bytez'"])

    def test_relative_difference_is_infinite_for_nan_and_other_shapes(self):
        expected = np.array([2.0, -4.0])
        self.assertEqual(verify.relative_difference([2.0, -4.2], expected), (4.2 - 4.0) / 4.0)
        self.assertEqual(verify.relative_difference([2.0, np.nan], expected), np.inf)
        self.assertEqual(verify.relative_difference([2.0], expected), np.inf)
        self.assertEqual(verify.relative_difference([0.0, 0.5], np.zeros(2)), 0.5)


if __name__ == "__main__":
    unittest.main()
