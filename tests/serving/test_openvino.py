"""A runtime without any TensorFlow kernel gives the same answer on the signature that takes noise."""

import unittest

import numpy as np

from tests.serving import exported

try:
    import openvino
except ImportError:
    openvino = None


@unittest.skipUnless(openvino, "openvino is not installed")
class OpenVinoTest(unittest.TestCase):

    def test_openvino_equals_tensorflow(self):
        signature = exported.loaded().signatures["serve_float_with_noise"]
        model = openvino.convert_model(signature)
        generator = np.random.default_rng(0)
        for batch_size in (1, 3):
            inputs = {"images": exported.images(batch_size).astype(np.float32) / 255.0,
                      "noise_slots": generator.standard_normal(
                          (batch_size, exported.NUM_SLOTS, exported.SLOT_SIZE)).astype(np.float32)}
            # OpenVINO 2026.4 tiles wrongly when the batch is dynamic, so it is told the batch.
            model.reshape({name: value.shape for name, value in inputs.items()})
            compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            answer = compiled(inputs)
            expected = {name: value.numpy() for name, value in signature(**inputs).items()}
            self.assertEqual({output.get_any_name() for output in compiled.outputs}, set(expected))
            for output in compiled.outputs:
                found, wanted = answer[output], expected[output.get_any_name()]
                self.assertEqual((found.shape, found.dtype), (wanted.shape, wanted.dtype))
                if wanted.dtype == np.uint8:
                    self.assertLess(np.mean(found != wanted), 0.01)  # ties between masks
                else:
                    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    unittest.main()
