"""JAX computes what TensorFlow computes, and the models need no TensorFlow."""

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
from tests.conformance.descriptors import MODELS, for_every_model, weights_of

OUTPUT_TOLERANCE, GRADIENT_TOLERANCE = 2e-5, 1e-4
NUM_ITERATIONS = 4


def build_case(descriptor):
    """The model and the inputs that both backends get, dict of arrays by the names of `tests/jax_worker.py`."""
    model = descriptor.build()
    arrays = {"image": descriptor.image(3), "target": descriptor.target(3)}
    arrays.update({f"noise/{name}": value for name, value in helpers.noise_of(model, 3).items()})
    more = helpers.noise_of(model, 3, num_slots=num_slots_of(descriptor, model),
                            num_iterations=NUM_ITERATIONS)
    arrays.update({f"override_noise/{name}": value for name, value in more.items()})
    arrays.update({f"weight/{name}": value for name, value in weights_of(model).items()})
    return model, arrays


def num_slots_of(descriptor, model):
    """Another number of slots, where the model can have one."""
    return model.num_slots + (0 if descriptor.fixed_slots else 2)


def below(prefix, arrays):
    """The entries whose name starts with `prefix`, without it."""
    return {name[len(prefix):]: value for name, value in arrays.items() if name.startswith(prefix)}


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class JaxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases, cls.results = {}, {}
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            for descriptor in MODELS:
                model, arrays = cls.cases[descriptor.name] = build_case(descriptor)
                np.savez(directory / f"{descriptor.name}.npz", **arrays)
                (directory / f"{descriptor.name}.json").write_text(json.dumps({
                    "image_shape": descriptor.image_shape, "model_config": dataclasses.asdict(descriptor.config),
                    "num_slots": num_slots_of(descriptor, model), "num_iterations": NUM_ITERATIONS}))
            # Compiling takes much longer than computing here.
            environment = {**os.environ, "PYTHONPATH": str(helpers.ROOT), "JAX_PLATFORMS": "cpu",
                           "XLA_FLAGS": "--xla_backend_optimization_level=0"}
            cls.worker = subprocess.run(
                [sys.executable, "-P", "tests/jax_worker.py", name], cwd=helpers.ROOT, capture_output=True, text=True,
                check=False, timeout=300, env=environment)
            for path in directory.glob("*.out.npz"):
                with np.load(path) as archive:
                    cls.results[path.name.removesuffix(".out.npz")] = dict(archive)

    def setUp(self):
        self.assertEqual(self.worker.returncode, 0, self.worker.stderr[-2000:])

    def check(self, actual, expected, tolerance):
        self.assertEqual(sorted(actual), sorted(expected))
        for name, value in expected.items():
            value = helpers.array(value)
            scale = max(1e-6, np.abs(value).max())
            self.assertLess(np.abs(actual[name] - value).max() / scale, tolerance, name)

    def test_layers_and_models_need_no_tensorflow(self):
        packages = ("ops", "layers", "models", "metrics")
        files = {f"tfobj.{package}.{path.stem}" for package in packages
                 for path in (helpers.ROOT / "tfobj" / package).glob("*.py") if path.stem != "__init__"}
        self.assertEqual(set(self.worker.stdout.split()), files)

    @for_every_model
    def test_jax_outputs_equal_tensorflow(self, descriptor):
        model, arrays = self.cases[descriptor.name]
        outputs = model(arrays["image"], noise=below("noise/", arrays))
        self.check(below("output/", self.results[descriptor.name]), outputs, OUTPUT_TOLERANCE)
        terms = model.losses_of(arrays["target"], outputs)
        self.check(below("term/", self.results[descriptor.name]), terms, OUTPUT_TOLERANCE)

    @for_every_model
    def test_jax_gradients_equal_tensorflow(self, descriptor):
        model, arrays = self.cases[descriptor.name]
        image, noise = arrays["image"], below("noise/", arrays)
        expected = helpers.gradients(
            model, lambda: keras.ops.mean(model.losses_of(arrays["target"], model(image, noise=noise))["loss"]))
        actual = below("gradient/", self.results[descriptor.name])
        self.check(descriptor.without_inert(actual), descriptor.without_inert(expected), GRADIENT_TOLERANCE)

    @for_every_model
    def test_jax_with_more_slots_and_iterations_equals_tensorflow(self, descriptor):
        model, arrays = self.cases[descriptor.name]
        outputs = model(arrays["image"], noise=below("override_noise/", arrays),
                        num_slots=num_slots_of(descriptor, model), num_iterations=NUM_ITERATIONS)
        self.check(below("override/", self.results[descriptor.name]), outputs, OUTPUT_TOLERANCE)
