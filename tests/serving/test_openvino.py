"""A runtime without any TensorFlow kernel gives the same answer on the signature that takes noise."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from tests import helpers
from tests.serving import exported

SIGNATURE = "serve_float_with_noise"


@unittest.skipUnless(importlib.util.find_spec("openvino"), "openvino is not installed")
class OpenVinoTest(unittest.TestCase):
    def test_openvino_equals_tensorflow_at_any_batch_size(self):
        generator = np.random.default_rng(0)
        requests = [{"images": exported.images(size).astype(np.float32) / 255.0,
                     "noise_slots": generator.standard_normal(
                         (size, exported.NUM_SLOTS, exported.SLOT_SIZE)).astype(np.float32)} for size in (1, 3)]
        answers = self.ask_openvino(requests)
        signature = exported.loaded().signatures[SIGNATURE]
        for request, answer in zip(requests, answers):
            expected = {name: value.numpy() for name, value in signature(**request).items()}
            self.assertEqual(set(answer), set(expected))
            for name, wanted in expected.items():
                found = answer[name]
                self.assertEqual((found.shape, found.dtype), (wanted.shape, wanted.dtype))
                if wanted.dtype == np.uint8:
                    self.assertLess(np.mean(found != wanted), 0.01)  # ties between masks
                else:
                    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5, err_msg=name)

    def ask_openvino(self, requests):
        with tempfile.TemporaryDirectory() as root:
            paths = [os.path.join(root, name) for name in ("requests.npz", "answers.npz")]
            np.savez(paths[0], **{f"{number}/{name}": value for number, request in enumerate(requests)
                                  for name, value in request.items()})
            result = subprocess.run(
                [sys.executable, "-m", "tests.serving.openvino_worker", exported.tiny_export()[1].directory, *paths],
                cwd=helpers.ROOT, capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr[-2000:])
            with np.load(paths[1]) as archive:
                return [{name.split("/")[1]: archive[name] for name in archive.files if name.startswith(f"{number}/")}
                        for number in range(len(requests))]


if __name__ == "__main__":
    unittest.main()
