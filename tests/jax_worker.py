"""Runs models on the JAX backend, in a process of its own in which TensorFlow cannot be imported.

    python -P tests/jax_worker.py DIRECTORY

Reads DIRECTORY/<name>.json (image_shape, model_config, num_slots, num_iterations) and DIRECTORY/<name>.npz (`image`,
`target`, `noise/<entry>` and `weight/<name>`) for each model, and writes DIRECTORY/<name>.out.npz: `output/<key>`, `term/<key>`,
`gradient/<weight>` of the mean loss, and `override/<key>` for other numbers of slots and iterations. Prints the names
of the modules that were imported without TensorFlow. The repository root must be on PYTHONPATH.
"""

import importlib
import json
import os
import pathlib
import pkgutil
import sys

os.environ["KERAS_BACKEND"] = "jax"
sys.modules["tensorflow"] = None  # every import of it fails

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from tfobj import registry  # noqa: E402

BACKEND_NEUTRAL = ("ops", "layers", "models", "metrics")


def import_everything():
    """Imports every module that must not need TensorFlow; returns their names."""
    names = []
    for package in BACKEND_NEUTRAL:
        module = importlib.import_module(f"tfobj.{package}")
        names += [f"tfobj.{package}.{entry.name}" for entry in pkgutil.iter_modules(module.__path__)]
    for name in names:
        importlib.import_module(name)
    return names


def run_model(directory, name):
    """Computes outputs, loss terms and gradients of one model and writes them."""
    description = json.loads((directory / f"{name}.json").read_text())
    with np.load(directory / f"{name}.npz") as archive:
        arrays = dict(archive)
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in description["model_config"].items()}
    model_config = registry.model_entry(name).config_class(**values)
    model = registry.build_model(name, model_config, tuple(description["image_shape"]))
    weights = [arrays["weight/" + variable.path.split("/", 1)[1]] for variable in model.trainable_variables]
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    image, noise = arrays["image"], _below("noise/", arrays)
    (_, (outputs, terms)), gradients = _loss_and_gradients(model, image, arrays["target"], noise)
    override = _outputs(model, image, _below("override_noise/", arrays), num_slots=description["num_slots"],
                        num_iterations=description["num_iterations"])
    results = {"output": outputs, "term": terms, "override": override,
               "gradient": {variable.path.split("/", 1)[1]: gradient
                            for variable, gradient in zip(model.trainable_variables, gradients)}}
    np.savez(directory / f"{name}.out.npz", **{
        f"{group}/{key}": np.asarray(value) for group, members in results.items() for key, value in members.items()})


def _loss_and_gradients(model, image, target, noise):
    def loss(weights):
        with keras.StatelessScope(state_mapping=list(zip(model.trainable_variables, weights))):
            outputs = model(image, noise=noise)
            terms = model.losses_of(target, outputs)
        return keras.ops.mean(terms["loss"]), (outputs, terms)

    return jax.jit(jax.value_and_grad(loss, has_aux=True))([v.value for v in model.trainable_variables])


def _outputs(model, image, noise, **overrides):
    """One compiled program; without, JAX compiles one for each operation."""
    def call(values, image, noise):
        with keras.StatelessScope(state_mapping=list(zip(model.weights, values))):
            return model(image, noise=noise, **overrides)

    return jax.jit(call)([variable.value for variable in model.weights], image, noise)


def _below(prefix, arrays):
    return {name[len(prefix):]: value for name, value in arrays.items() if name.startswith(prefix)}


def main():
    """Imports, computes, and makes sure that TensorFlow stayed out."""
    print("\n".join(import_everything()))
    directory = pathlib.Path(sys.argv[1])
    for path in sorted(directory.glob("*.json")):
        run_model(directory, path.stem)
    assert keras.backend.backend() == "jax"
    present = [name for name in sys.modules if name.split(".")[0] == "tensorflow" and sys.modules[name] is not None]
    assert not present, f"TensorFlow was imported: {present[:5]}"


if __name__ == "__main__":
    main()
