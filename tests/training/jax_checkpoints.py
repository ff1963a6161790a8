"""Reads and writes checkpoints on the JAX backend, in a process of its own in which TensorFlow cannot be imported.

    python -P tests/training/jax_checkpoints.py DIRECTORY

Reads DIRECTORY/model.json (image_shape, model_config) and DIRECTORY/inputs.npz (`image`, `noise/<entry>`). Restores
DIRECTORY/from_tensorflow into a fresh model and optimizer, makes three updates, and saves in DIRECTORY/from_jax. Writes
DIRECTORY/restored.npz and DIRECTORY/saved.npz, what was there after the restoration and at the save: `output/<key>` and
every variable by its name in the checkpoint. The repository root must be on PYTHONPATH.
"""

import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"
sys.modules["tensorflow"] = None  # every import of it fails

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from tfobj import config  # noqa: E402
from tfobj import registry  # noqa: E402
from tfobj.training import checkpoints  # noqa: E402
from tfobj.training import schedules  # noqa: E402


def build(directory):
    """The model and the optimizer that the test has too, with other values."""
    description = json.loads((directory / "model.json").read_text())
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in description["model_config"].items()}
    keras.utils.set_random_seed(11)
    model = registry.build_model("slot_attention", config.SlotAttentionConfig(**values),
                                 tuple(description["image_shape"]))
    optimizer = schedules.make_optimizer(config.TrainConfig(learning_rate=0.01, warmup_steps=0))
    optimizer.build(model.trainable_variables)
    return model, optimizer


def update(model, optimizer, count):
    """Makes updates with random gradients, compiled as one program: each operation alone would take longer."""
    apply = jax.jit(lambda state, gradients, weights: optimizer.stateless_apply(state, gradients, weights))
    generator, variables = np.random.default_rng(5), model.trainable_variables
    for _ in range(count):
        gradients = [generator.normal(size=variable.shape).astype(np.float32) for variable in variables]
        values = apply([variable.value for variable in optimizer.variables], gradients, [v.value for v in variables])
        for variable, value in zip((*variables, *optimizer.variables), (*values[0], *values[1]), strict=True):
            variable.assign(value)


def describe(path, directory, model, optimizer):
    """Writes what the model answers and every variable."""
    with np.load(directory / "inputs.npz") as inputs:
        noise = {name.removeprefix("noise/"): inputs[name] for name in inputs if name.startswith("noise/")}
        outputs = model(inputs["image"], noise=noise)
    values = {f"output/{key}": np.asarray(value) for key, value in outputs.items()}
    for group, variables in (("model", model.weights), ("optimizer", optimizer.variables)):
        values.update({f"{group}/{variable.path.split('/', 1)[1]}": np.asarray(variable.value)
                       for variable in variables})
    np.savez(path, **values)


def main():
    """Restores, updates, saves, and makes sure that TensorFlow stayed out."""
    directory = pathlib.Path(sys.argv[1])
    model, optimizer = build(directory)
    step = checkpoints.Checkpoints(directory / "from_tensorflow", model, optimizer, keep=1).restore()
    describe(directory / "restored.npz", directory, model, optimizer)
    update(model, optimizer, 3)
    checkpoints.Checkpoints(directory / "from_jax", model, optimizer, keep=1).save(step + 3)
    describe(directory / "saved.npz", directory, model, optimizer)
    assert keras.backend.backend() == "jax"
    present = [name for name in sys.modules if name.split(".")[0] == "tensorflow" and sys.modules[name] is not None]
    assert not present, f"TensorFlow was imported: {present[:5]}"


if __name__ == "__main__":
    main()
