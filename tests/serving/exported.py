"""A tiny untrained model and its export, made once per process, and requests for it."""

import atexit
import functools
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

from tfobj import config
from tfobj import registry
from tfobj.serving import exporter

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = str(ROOT / "export")
IMAGE_SHAPE = (16, 12, 3)
NUM_SLOTS, SLOT_SIZE = 3, 8
THRESHOLD = 0.45  # some masks of the tiny model exceed this, some do not


def tiny_config(**changes):
    """Configuration of a model small enough that an export takes seconds."""
    values = {"num_slots": NUM_SLOTS, "num_iterations": 2, "slot_size": SLOT_SIZE, "mlp_hidden_size": 8,
              "encoder_channels": 8, "encoder_strides": (2, 1), "decoder_channels": 8, "decoder_broadcast_size": 0,
              "decoder_strides": (2, 1), **changes}
    return config.SlotAttentionConfig(**values)


def tiny_model(image_shape=IMAGE_SHAPE, **changes):
    """An untrained model whose weights, biases and norms apart, are drawn from a fixed seed."""
    model = registry.build_model("slot_attention", tiny_config(**changes), image_shape)
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if "kernel" in variable.path or "slots_" in variable.path:
            scale = 1.0 / np.sqrt(np.prod(variable.shape[:-1]))
            variable.assign(generator.standard_normal(variable.shape) * scale)
    return model


@functools.cache
def tiny_export():
    """Exports the tiny model with verification; returns (model, `exporter.Export`)."""
    directory = tempfile.mkdtemp(prefix="tfobj_export_")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    model = tiny_model()
    return model, exporter.export_model(model, os.path.join(directory, "base"), threshold=THRESHOLD,
                                        model_card={"step": 7})


@functools.cache
def loaded():
    """The export as `tf.saved_model.load` gives it; what the in-test servers answer with."""
    import tensorflow as tf

    return tf.saved_model.load(tiny_export()[1].directory)


def ask_openvino(directory, requests):
    """What OpenVINO answers for one SavedModel; see `ask_openvino_about`."""
    return ask_openvino_about({directory: requests})[directory]


def ask_openvino_about(several):
    """What OpenVINO, in a process of its own, answers.

    Args:
        several: Dict from the directory of a SavedModel to a dict from a signature that takes no strings to a list of
            dicts input -> array.

    Returns:
        Dict from the directory to a dict from the signature to a list of dicts output -> array.
    """
    with tempfile.TemporaryDirectory() as root:
        paths = [os.path.join(root, name) for name in ("requests.npz", "answers.npz")]
        np.savez(paths[0], **{f"{place}/{signature}/{number}/{name}": value
                              for place, requests in enumerate(several.values())
                              for signature, given in requests.items()
                              for number, request in enumerate(given) for name, value in request.items()})
        subprocess.run([sys.executable, "-m", "tests.serving.openvino_worker", *paths, *several], cwd=ROOT, check=True)
        with np.load(paths[1]) as archive:
            found = {name: archive[name] for name in archive.files}
    answers = {directory: {signature: [{} for _ in given] for signature, given in requests.items()}
               for directory, requests in several.items()}
    for key, value in found.items():
        place, signature, number, name = key.split("/")
        answers[list(several)[int(place)]][signature][int(number)][name] = value
    return answers


def images(count, seed=0, shape=IMAGE_SHAPE):
    """uint8 [count,H,W,C] of coloured blocks."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (count, -(-shape[0] // 4), -(-shape[1] // 4), shape[2]))
    return blocks.repeat(4, axis=1).repeat(4, axis=2)[:, :shape[0], :shape[1]].astype(np.uint8)


def image_file(image, file_format="PNG"):
    """Encodes uint8 [H,W,3] as a file; returns bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format=file_format)
    return buffer.getvalue()


def labels(png):
    """Decodes a label PNG; returns uint8 [H,W]."""
    return np.asarray(Image.open(io.BytesIO(png)))


def import_client(name):
    """Imports a script of export/, which is not a package."""
    sys.path.insert(0, CLIENTS)
    try:
        return __import__(name)
    finally:
        sys.path.remove(CLIENTS)
