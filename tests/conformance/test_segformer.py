"""AST-Seg with SegFormer, whose descriptor has a U-Net: two devices, XLA and JAX compute the same."""

import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import keras
import numpy as np

from tests import helpers
from tests.conformance import descriptors
from tests.conformance import test_jax
from tests.conformance import test_two_devices
from tests.conformance import training_runs
from tests.conformance.descriptors import weights_of

AST_SEG = next(descriptor for descriptor in descriptors.MODELS if descriptor.name == "ast_seg")
BIASES = [f"generator/backbone/block{stage}_0/key/bias" for stage in range(4)]
# At 64x64 each block attends to 2x2 places; at 32x32 to one, and neither queries nor keys would matter.
SEGFORMER = dataclasses.replace(
    AST_SEG, image_shape=(64, 64, 3),
    config=dataclasses.replace(AST_SEG.config, feature_generator="segformer", backbone="tiny", use_transformer=False),
    inert={name: ... for name in BIASES})  # the softmax ignores what all keys share


class SegFormerTest(unittest.TestCase):
    compare = test_jax.JaxTest.check

    @classmethod
    def setUpClass(cls):
        cls.plain = training_runs.train(SEGFORMER, 3, optimizer="sgd", learning_rate=0.1)

    def check(self, other, term_tolerance, tolerance):
        self.assertGreater(self.plain.terms["gradient_norm"], training_runs.CLIP_NORM, "clipping must be active")
        for name, value in self.plain.terms.items():
            np.testing.assert_allclose(other.terms[name], value, rtol=term_tolerance, err_msg=name)
        first, second = weights_of(self.plain.model), weights_of(other.model)
        self.assertGreater(helpers.largest_difference(first, self.plain.initial), 1e-3)
        for name, value in first.items():
            self.assertLessEqual(np.abs(value - second[name]).max(), tolerance, name)

    def test_two_devices_equal_one(self):
        two = training_runs.train(SEGFORMER, 3, test_two_devices.two_devices(), optimizer="sgd", learning_rate=0.1)
        self.check(two, 1e-4, test_two_devices.TOLERANCE)

    def test_xla_equals_no_xla(self):
        self.check(training_runs.train(SEGFORMER, 3, jit_compile=True, optimizer="sgd", learning_rate=0.1), 1e-5, 1e-6)

    @unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
    def test_jax_equals_tensorflow(self):
        model, arrays = test_jax.build_case(SEGFORMER)
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            np.savez(directory / "ast_seg.npz", **arrays)
            (directory / "ast_seg.json").write_text(json.dumps({
                "image_shape": SEGFORMER.image_shape, "model_config": dataclasses.asdict(SEGFORMER.config),
                "num_slots": model.num_slots, "num_iterations": test_jax.NUM_ITERATIONS}))
            environment = {**os.environ, "PYTHONPATH": str(helpers.ROOT), "JAX_PLATFORMS": "cpu",
                           "XLA_FLAGS": "--xla_backend_optimization_level=0"}
            worker = subprocess.run([sys.executable, "-P", "tests/jax_worker.py", name], cwd=helpers.ROOT, text=True,
                                    capture_output=True, check=False, timeout=300, env=environment)
            self.assertEqual(worker.returncode, 0, worker.stderr[-2000:])
            with np.load(directory / "ast_seg.out.npz") as archive:
                results = dict(archive)
        outputs = model(arrays["image"])
        gradients = helpers.gradients(
            model, lambda: keras.ops.mean(model.losses_of(arrays["target"], model(arrays["image"]))["loss"]))
        self.compare(test_jax.below("output/", results), outputs, test_jax.OUTPUT_TOLERANCE)
        self.compare(*(SEGFORMER.without_inert(values) for values in (test_jax.below("gradient/", results), gradients)),
                     test_jax.GRADIENT_TOLERANCE)


if __name__ == "__main__":
    unittest.main()
