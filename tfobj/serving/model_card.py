"""The model card of an export: what is being served, where it came from, how good it is and what the tensors mean."""

import dataclasses
import json
import os
import platform

import numpy as np

import tfobj
from tfobj.errors import UserError

FILE_NAME = os.path.join("assets.extra", "model_card.json")

INPUTS = {
    "images": "Images at the model's size; uint8 [0, 255] or float32 [0, 1].",
    "image_bytes": "PNG, JPEG, WebP, BMP or GIF files (the first frame) of any size, brought to the model's size. "
                   "Transparency and EXIF rotation are ignored. A file that cannot be decoded fails the whole request.",
}


def build_card(model, options, signatures, run=None):
    """Describes an export.

    Args:
        model: `SlotModel`.
        options: `ServingOptions`.
        signatures: Dict name -> (inputs, outputs), each a dict tensor name -> `tf.TensorSpec`.
        run: Dict or None. What is known of the training run, see `describe_run`.

    Returns:
        Dict that JSON can hold.
    """
    import keras
    import tensorflow as tf

    from tfobj.serving.answers import answers_of

    answers = answers_of(model, options)
    return {
        "tfobj_version": tfobj.__version__,
        "model": model.name,
        "model_config": _plain(model.get_config()),
        "image_shape": list(model.image_shape),
        "num_slots": options.num_slots or model.num_slots,
        "num_iterations": (model.get_config().get("num_iterations") if options.num_iterations is None
                           else options.num_iterations),
        "task": model.task,
        "background_slot": getattr(model, "background_slot", None),
        "threshold": options.threshold if answers.HAS_THRESHOLD else None,
        "resizing": "bilinear, " + ("with antialias when shrinking" if options.antialias else "without antialias"),
        "noise_seed": options.noise_seed,
        "noise": "One draw, the same for every image; the *_with_noise signatures take it from the request."
                 if options.noise_spec(model) else "The model draws none.",
        "signatures": {name: {"inputs": _describe(inputs, INPUTS), "outputs": _describe(outputs, answers.MEANINGS)}
                       for name, (inputs, outputs) in sorted(signatures.items())},
        "run": run or {},
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__,
                     "numpy": np.__version__},
        "license": "The software is licensed under Apache-2.0; the weights are subject to the terms of the data they "
                   "were trained on.",
    }


def describe_run(run, checkpoint):
    """Describes where a model comes from.

    Args:
        run: `tfobj.training.run_directory.Run` with weights.
        checkpoint: str. Which checkpoint was asked for.

    Returns:
        Dict that JSON can hold: `run_dir`, `checkpoint`, `step`, `data`, `data_fingerprint`, `train`; `evaluation`, the
        content of the run's evaluation file of these weights (scores and the data they are on), that on all test images
        before that on the first ones, and last that on all validation images, where CLEVR says what the objects are;
        None if these weights were never evaluated.
    """
    chosen = "" if checkpoint == "best" else f"_{checkpoint}"
    names = (f"{chosen}_n0", chosen, "_n0", "", f"_validation{chosen}_n0")
    found = (_read_json(run.directory / f"evaluation{name}.json") for name in names)
    evaluation = next((content for content in found if content and content.get("step") == run.step), None)
    return _plain({
        "run_dir": str(run.directory), "checkpoint": checkpoint, "step": run.step,
        "data": dataclasses.asdict(run.config.data), "data_fingerprint": run.fingerprint,
        "train": dataclasses.asdict(run.config.train), "evaluation": evaluation,
    })


def write_card(directory, card):
    """Writes the card to `FILE_NAME` below the directory of `saved_model.pb`; returns the path."""
    path = os.path.join(directory, FILE_NAME)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(card, file, indent=2, allow_nan=False)
        file.write("\n")
    return path


def _read_json(path):
    """Returns the content of a JSON file, None if there is none.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); run tfobj.evaluate again or delete it") from None


def _describe(tensors, meanings):
    return {name: {"dtype": spec.dtype.name, "shape": list(spec.shape), "meaning": meanings.get(name, _noise(name))}
            for name, spec in sorted(tensors.items())}


def _noise(name):
    return f"Draw of the model's noise `{name.removeprefix('noise_')}`, one row per image."


def _plain(value):
    """Turns what configurations hold (tuples, NumPy numbers, non-finite floats) into what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
