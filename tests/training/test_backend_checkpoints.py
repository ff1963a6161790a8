"""What one Keras backend saves, the other restores: every bit of model and optimizer."""

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
from tfobj import config
from tfobj import registry
from tfobj.training import checkpoints
from tfobj.training import schedules

IMAGE_SHAPE = (16, 16, 3)
MODEL = helpers.slot_attention_config(num_iterations=1, encoder_strides=(2,), decoder_strides=(2,))
OUTPUT_TOLERANCE = 2e-5


def build(seed):
    """A tiny model and its optimizer."""
    keras.utils.set_random_seed(seed)
    model = registry.build_model("slot_attention", MODEL, IMAGE_SHAPE)
    optimizer = schedules.make_optimizer(config.TrainConfig(learning_rate=0.01, warmup_steps=0))
    optimizer.build(model.trainable_variables)
    return model, optimizer


def update(model, optimizer, count):
    """Makes updates with random gradients."""
    generator = np.random.default_rng(4)
    for _ in range(count):
        optimizer.apply([keras.ops.convert_to_tensor(generator.normal(size=variable.shape).astype(np.float32))
                         for variable in model.trainable_variables], model.trainable_variables)


@unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed: pip install '.[jax]'")
class BackendCheckpointsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        cls.model, cls.optimizer = build(0)
        update(cls.model, cls.optimizer, 4)
        cls.image, cls.noise = helpers.unit_images(1, IMAGE_SHAPE), helpers.noise_of(cls.model, 1)
        np.savez(cls.directory / "inputs.npz", image=cls.image,
                 **{f"noise/{name}": value for name, value in cls.noise.items()})
        (cls.directory / "model.json").write_text(json.dumps(
            {"image_shape": IMAGE_SHAPE, "model_config": dataclasses.asdict(MODEL)}))
        checkpoints.Checkpoints(cls.directory / "from_tensorflow", cls.model, cls.optimizer, keep=1).save(4)
        cls.worker = subprocess.run(
            [sys.executable, "-P", "tests/training/jax_checkpoints.py", temporary.name], cwd=helpers.ROOT,
            capture_output=True, text=True, check=False, timeout=300,
            env={**os.environ, "PYTHONPATH": str(helpers.ROOT), "JAX_PLATFORMS": "cpu",
                 "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"})  # most of the time goes into compiling

    def setUp(self):
        self.assertEqual(self.worker.returncode, 0, self.worker.stderr[-2000:])

    def assertTheirs(self, name, model, optimizer):
        """Compares a model and an optimizer with what the other process had."""
        with np.load(self.directory / name) as archive:
            theirs = dict(archive)
        mine = {f"model/{helpers.weight_name(variable)}": variable for variable in model.weights}
        mine.update({f"optimizer/{helpers.weight_name(variable)}": variable for variable in optimizer.variables})
        outputs = {key.removeprefix("output/"): theirs.pop(key) for key in list(theirs) if key.startswith("output/")}
        self.assertEqual(set(theirs), set(mine))
        for name, variable in mine.items():
            np.testing.assert_array_equal(helpers.array(variable), theirs[name], name)
        expected = model(self.image, noise=self.noise)
        self.assertEqual(set(outputs), set(expected))
        for key, value in expected.items():
            np.testing.assert_allclose(outputs[key], value, atol=OUTPUT_TOLERANCE, err_msg=key)

    def test_jax_restores_what_tensorflow_saved(self):
        self.assertEqual(int(self.optimizer.iterations), 4)
        self.assertTheirs("restored.npz", self.model, self.optimizer)

    def test_tensorflow_restores_what_jax_saved(self):
        model, optimizer = build(1)
        step = checkpoints.Checkpoints(self.directory / "from_jax", model, optimizer, keep=1).restore()
        self.assertEqual((step, int(optimizer.iterations)), (7, 7))
        self.assertGreater(helpers.largest_difference(model.weights, self.model.weights), 1e-3)
        self.assertTheirs("saved.npz", model, optimizer)

    def test_tensorflow_takes_the_weights_alone(self):
        model, _ = build(2)
        path = checkpoints.find(self.directory / "from_jax", "latest")
        self.assertEqual(checkpoints.restore_model(model, path), 7)
        with np.load(self.directory / "saved.npz") as theirs:
            for variable in model.weights:
                np.testing.assert_array_equal(variable.numpy(), theirs[f"model/{helpers.weight_name(variable)}"])
