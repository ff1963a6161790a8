"""A runtime without any TensorFlow kernel gives the same answer on the signature that takes noise."""

import importlib.util
import unittest

import numpy as np

from tests.serving import exported

SIGNATURE = "serve_float_with_noise"


@unittest.skipUnless(importlib.util.find_spec("openvino"), "openvino is not installed")
class OpenVinoTest(unittest.TestCase):
    def test_openvino_equals_tensorflow_at_any_batch_size(self):
        generator = np.random.default_rng(0)
        requests = [{"images": exported.images(size).astype(np.float32) / 255.0,
                     "noise_slots": generator.standard_normal(
                         (size, exported.NUM_SLOTS, exported.SLOT_SIZE)).astype(np.float32)} for size in (1, 3)]
        answers = exported.ask_openvino(exported.tiny_export()[1].directory, {SIGNATURE: requests})[SIGNATURE]
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


if __name__ == "__main__":
    unittest.main()
