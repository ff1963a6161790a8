"""Warm-up records: the bytes, what the official protos read in them, and their batch sizes."""

import pathlib
import re
import tempfile
import types
import unittest

import numpy as np
import tensorflow as tf

from tests.serving import exported
from tfobj.serving import warmup

try:
    from tensorflow_serving.apis import prediction_log_pb2
except ImportError:
    prediction_log_pb2 = None

_SIGNATURES = {
    "serve_float_with_noise": types.SimpleNamespace(inputs=(tf.TensorSpec((None, 6, 5, 3), tf.float32, "images"),
                                                            tf.TensorSpec((None, 2, 4), tf.float32, "noise_slots"))),
    "serving_default": types.SimpleNamespace(inputs=(tf.TensorSpec((None, 6, 5, 3), tf.uint8, "images"),)),
    "serve_bytes": types.SimpleNamespace(inputs=(tf.TensorSpec((None,), tf.string, "image_bytes"),)),
}


def _records(batch_sizes=(1, 3)):
    return warmup.warmup_records(_SIGNATURES, "a_model", (6, 5, 3), batch_sizes)


class WarmupTest(unittest.TestCase):

    def test_one_value_fills_the_tensors_of_every_batch_size(self):
        read = [warmup.read_warmup(record) for record in _records()]
        self.assertEqual([name for name, _ in read], sorted(2 * list(_SIGNATURES)))
        shapes = {(name, key, len(value)): (value.shape, value.dtype) for name, tensors in read
                  for key, value in tensors.items()}
        self.assertEqual(shapes["serving_default", "images", 3], ((3, 6, 5, 3), np.uint8))
        self.assertEqual(shapes["serve_float_with_noise", "noise_slots", 1], ((1, 2, 4), np.float32))
        self.assertEqual(shapes["serve_bytes", "image_bytes", 3], ((3,), object))
        noise = dict(read)["serve_float_with_noise"]["noise_slots"]
        np.testing.assert_array_equal(noise, np.full((3, 2, 4), 0.5, np.float32))
        self.assertLess(max(map(len, _records((8,)))), 400)

    def test_image_files_decode_to_the_models_size(self):
        files = dict(warmup.read_warmup(record) for record in _records((2,)))["serve_bytes"]["image_bytes"]
        for content in files:
            np.testing.assert_array_equal(exported.labels(content), np.full((6, 5), 128, np.uint8))

    def test_written_file_is_read_back(self):
        with tempfile.TemporaryDirectory() as directory:
            path = warmup.write_warmup(directory, _records())
            self.assertTrue(path.endswith("assets.extra/tf_serving_warmup_requests"))
            self.assertEqual([record.numpy() for record in tf.data.TFRecordDataset(path)], _records())

    def test_batch_sizes_are_those_that_the_server_pads_to(self):
        text = pathlib.Path(exported.CLIENTS, "batching.config").read_text()
        allowed = [int(size) for size in re.findall(r"^allowed_batch_sizes: (\d+)", text, re.MULTILINE)]
        self.assertTrue(set(warmup.BATCH_SIZES) <= set(allowed))
        # The server insists on increasing sizes that end with the maximum.
        self.assertEqual(allowed, sorted(allowed))
        self.assertIn(f"max_batch_size {{ value: {allowed[-1]} }}", text)

    @unittest.skipUnless(prediction_log_pb2, "tensorflow-serving-api is not installed")
    def test_official_protos_write_the_same_bytes(self):
        for record in _records():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            request = log.predict_log.request
            self.assertEqual(request.model_spec.name, "a_model")
            self.assertEqual(log.SerializeToString(deterministic=True), record)
            self.assertEqual({key: tf.make_ndarray(value).shape for key, value in request.inputs.items()},
                             {key: value.shape for key, value in warmup.read_warmup(record)[1].items()})


if __name__ == "__main__":
    unittest.main()
