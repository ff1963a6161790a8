"""The REST client against a server that follows TensorFlow Serving's encoding rules."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import unittest

import numpy as np
from PIL import Image

from tests.serving import exported
from tests.serving import rest_server

rest_client = exported.import_client("rest_client")


class EncodingTest(unittest.TestCase):

    def test_row_format_has_bare_values_for_one_input_and_objects_for_several(self):
        self.assertEqual(rest_client.row_request("s", {"image_bytes": [b"a", b"b"]}),
                         {"signature_name": "s", "instances": [{"b64": "YQ=="}, {"b64": "Yg=="}]})
        self.assertEqual(rest_client.row_request("s", {"x": np.array([[1], [2]]), "noise": [0.5, 1.5]}),
                         {"signature_name": "s", "instances": [{"x": [1], "noise": 0.5}, {"x": [2], "noise": 1.5}]})
        with self.assertRaises(ValueError):
            rest_client.row_request("s", {"x": [1, 2], "noise": [1]})

    def test_columnar_format_names_every_input(self):
        self.assertEqual(rest_client.columnar_request("s", {"image_bytes": [b"a"]}),
                         {"signature_name": "s", "inputs": {"image_bytes": [{"b64": "YQ=="}]}})

    def test_answers_of_both_formats_decode_alike(self):
        rows = {"predictions": [{"a": 1, "b_bytes": {"b64": "YQ=="}}, {"a": 2, "b_bytes": {"b64": "Yg=="}}]}
        columns = {"outputs": {"a": [1, 2], "b_bytes": [{"b64": "YQ=="}, {"b64": "Yg=="}]}}
        for answer in (rows, columns):
            self.assertEqual(rest_client.decode_response(answer), {"a": [1, 2], "b_bytes": [b"a", b"b"]})
        for answer in ({"predictions": [{"b64": "YQ=="}]}, {"outputs": [{"b64": "YQ=="}]}):
            self.assertEqual(rest_client.decode_response(answer), {"": [b"a"]})
        with self.assertRaisesRegex(rest_client.ServerError, "no prediction"):
            rest_client.decode_response({"hello": 1})


class RestClientTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(rest_server.serving(exported.loaded()))
        cls.images = exported.images(3)

    def _predict(self, signature, inputs, **options):
        return rest_client.predict(self.server, "slot_attention", signature, inputs, **options)

    def test_every_signature_answers_in_both_formats(self):
        noise = np.random.default_rng(0).standard_normal((3, exported.NUM_SLOTS, exported.SLOT_SIZE))
        files = [exported.image_file(image) for image in self.images]
        floats = self.images.astype(np.float32) / 255.0
        inputs = {"serving_default": {"images": self.images}, "serve_float": {"images": floats},
                  "serve_bytes": {"image_bytes": files}}
        inputs |= {f"{name}_with_noise": {**value, "noise_slots": noise.astype(np.float32)}
                   for name, value in inputs.items()}
        inputs["segment_bytes"] = {"image_bytes": files}
        self.assertEqual(set(inputs), set(exported.loaded().signatures))
        for signature, values in inputs.items():
            expected = exported.loaded().signatures[signature](**values)
            for row_format in (True, False):
                answer = self._predict(signature, values, row_format=row_format, version=1)
                self.assertEqual(set(answer), set(expected))
                for name, value in expected.items():
                    if name.endswith("_bytes"):
                        self.assertEqual(answer[name], list(value.numpy()))
                    else:
                        np.testing.assert_allclose(answer[name], value.numpy(), rtol=0, atol=1e-6)

    def test_refusals_carry_the_servers_words(self):
        for signature, inputs, options, message in (
                ("serve_bytes", {"image_bytes": [b"no image"]}, {}, "answered 400: .*Unknown image file format"),
                ("nonsense", {"images": self.images}, {}, "answered 400: .*nonsense"),
                ("serve_float", {"pictures": self.images, "images": self.images}, {}, "answered 400: .*pictures"),
                ("serve_float", {"images": self.images}, {"version": 9}, "answered 404: "),
                ("serve_float", {"images": self.images}, {"label": "canary"}, "answered 404: ")):
            with self.assertRaisesRegex(rest_client.ServerError, message):
                self._predict(signature, inputs, **options)

    def test_unreachable_server_is_said_so(self):
        with self.assertRaisesRegex(rest_client.ServerError, "cannot be reached .*is the server running"):
            rest_client.predict("http://127.0.0.1:1", "slot_attention", "segment_bytes", {"image_bytes": [b""]})

    def _main(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
            status = rest_client.main([f"--server={self.server}", *arguments])
        return status, printed.getvalue()

    def test_script_writes_segmentations_of_the_photos_sizes(self):
        photo = exported.images(1, 5, (30, 41, 3))[0]
        thresholded, raw = ([exported.labels(png)] for png in (
            exported.loaded().signatures["segment_bytes"](image_bytes=[exported.image_file(photo)])[f"{name}_png_bytes"]
            .numpy()[0] for name in ("segmentation_thresholded", "segmentation")))
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "photo.png")
            pathlib.Path(path).write_bytes(exported.image_file(photo))
            for options, (expected,) in (([], thresholded), (["--raw", "--columnar", "--label=stable"], raw)):
                status, printed = self._main(f"--out={directory}", *options, path)
                self.assertEqual((status, printed.count("photo_segmentation.png")), (0, 1))
                found = Image.open(os.path.join(directory, "photo_segmentation.png"))
                self.assertEqual((found.size, found.mode), ((41, 30), "P"))
                np.testing.assert_array_equal(np.asarray(found), expected)

    def test_script_reports_status_and_errors(self):
        status, printed = self._main("--status")
        self.assertEqual((status, json.loads(printed)["model_version_status"][0]["state"]), (0, "AVAILABLE"))
        status, printed = self._main("/does/not/exist.png", "--out=/tmp")
        self.assertEqual((status, printed), (2, "error: /does/not/exist.png: No such file or directory\n"))


if __name__ == "__main__":
    unittest.main()
