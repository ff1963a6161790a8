"""The gRPC client against an in-process PredictionService with the official stubs."""

import contextlib
import io
import os
import pathlib
import tempfile
import unittest

import numpy as np
from PIL import Image

from tests.serving import exported

try:
    from tests.serving import prediction_service
    grpc_client = exported.import_client("grpc_client")
except ImportError:
    prediction_service = None


@unittest.skipUnless(prediction_service, "tensorflow-serving-api is not installed")
class GrpcClientTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(prediction_service.serving(exported.loaded()))
        channel, cls.stub = grpc_client.connect(cls.server)
        cls.addClassCleanup(channel.close)
        cls.images = exported.images(2)

    def _predict(self, signature, inputs, **options):
        return grpc_client.predict(self.stub, "slot_attention", signature, inputs, **options)

    def test_every_signature_answers(self):
        noise = np.random.default_rng(0).standard_normal((2, exported.NUM_SLOTS, exported.SLOT_SIZE)).astype(np.float32)
        files = [exported.image_file(image) for image in self.images]
        inputs = {"serving_default": {"images": self.images},
                  "serve_float": {"images": self.images.astype(np.float32) / 255.0},
                  "serve_bytes": {"image_bytes": files}}
        inputs |= {f"{name}_with_noise": {**value, "noise_slots": noise} for name, value in inputs.items()}
        inputs["segment_bytes"] = {"image_bytes": files}
        for signature, values in inputs.items():
            answer = self._predict(signature, values, version=1)
            expected = exported.loaded().signatures[signature](**values)
            self.assertEqual(set(answer), set(expected))
            for name, value in expected.items():
                np.testing.assert_array_equal(answer[name], value.numpy())

    def test_outputs_can_be_chosen(self):
        answer = self._predict("serving_default", {"images": self.images}, outputs=["slots"], label="stable")
        self.assertEqual({name: value.shape for name, value in answer.items()},
                         {"slots": (2, exported.NUM_SLOTS, exported.SLOT_SIZE)})

    def test_answers_beyond_grpcs_default_of_4_mb_arrive(self):
        images = np.zeros((2500, *exported.IMAGE_SHAPE), np.uint8)
        answer = self._predict("serving_default", {"images": images}, outputs=["masks"])
        self.assertGreater(answer["masks"].nbytes, 5_000_000)

    def test_refusals_carry_the_servers_words(self):
        for signature, inputs, options, message in (
                ("serve_bytes", {"image_bytes": [b"no image"]}, {}, "INVALID_ARGUMENT: .*Unknown image file format"),
                ("nonsense", {"images": self.images}, {}, "INVALID_ARGUMENT: .*nonsense"),
                ("serve_float", {"images": self.images[:, :3]}, {}, "INVALID_ARGUMENT: "),
                ("serve_float", {"images": self.images}, {"version": 9}, "NOT_FOUND: ")):
            with self.assertRaisesRegex(grpc_client.ServerError, message):
                self._predict(signature, inputs, **options)

    def test_unreachable_server_is_said_so(self):
        channel, stub = grpc_client.connect("127.0.0.1:1")
        self.addCleanup(channel.close)
        with self.assertRaisesRegex(grpc_client.ServerError, "UNAVAILABLE: .*is the server running"):
            grpc_client.predict(stub, "slot_attention", "segment_bytes", {"image_bytes": [b""]})

    def test_script_writes_segmentations(self):
        file = exported.image_file(exported.images(1, 5, (30, 41, 3))[0], "JPEG")
        expected, = exported.loaded().signatures["segment_bytes"](
            image_bytes=[file])["segmentation_thresholded_png_bytes"].numpy()
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "photo.jpg")
            pathlib.Path(path).write_bytes(file)
            with contextlib.redirect_stdout(io.StringIO()):
                status = grpc_client.main([f"--server={self.server}", f"--out={directory}", path])
            self.assertEqual(status, 0)
            found = np.asarray(Image.open(os.path.join(directory, "photo_segmentation.png")))
        np.testing.assert_array_equal(found, exported.labels(expected))


if __name__ == "__main__":
    unittest.main()
