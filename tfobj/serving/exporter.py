"""Writes a model as a versioned SavedModel directory, verifies it, and only then gives it a name that servers see."""

import dataclasses
import logging
import shutil

import keras
import numpy as np
import tensorflow as tf

from tfobj.errors import UserError
from tfobj.serving import model_card as model_card_lib
from tfobj.serving import signatures as signatures_lib
from tfobj.serving import verify as verify_lib
from tfobj.serving import versions
from tfobj.serving import warmup
from tfobj.serving.answers import answers_of
from tfobj.serving.options import ServingOptions


@dataclasses.dataclass(frozen=True)
class Export:
    """A finished export.

    Attributes:
        directory: str. `<export_dir>/<version>`.
        version: int.
        card: Dict. The model card.
        report: `verify.Report`, or None if verification was turned off.
    """

    directory: str
    version: int
    card: dict
    report: object


def export_model(model, export_dir, *, num_slots=None, num_iterations=None, threshold=0.5, noise_seed=0,
                 antialias=True, model_card=None, verify=True, tell=None):
    """Exports a model as the next version below `export_dir`.

    Args:
        model: Built `ObjectModel` in float32, created outside any distribution strategy.
        export_dir: str. Base path of the model in TensorFlow Serving's terms; created if missing.
        num_slots: int or None. Overrides K.
        num_iterations: int or None. Overrides the number of iterations.
        threshold: float in [0, 1]. Smallest mask, exclusive, of `segmentation_thresholded`. Models that predict sets
            have none: their answers hold every slot with its confidence.
        noise_seed: int >= 0. Seed of the noise that every image gets.
        antialias: bool. Whether image files are shrunk with antialias.
        model_card: Dict or None. What the card shall say about the training run.
        verify: bool. Compare the export with the model (`verify.verify_export`) before it gets its version.
        tell: Callable of one str or None. Called before each part that takes long.

    Returns:
        `Export`.

    Raises:
        UserError: an option is impossible for this model, `export_dir` cannot be written, or the export does not
            compute what the model computes. Nothing is left under a version number then.
    """
    tell = tell or (lambda message: None)
    options = ServingOptions(num_slots, num_iterations, threshold, noise_seed, antialias)
    options.check_model(model)
    if threshold != ServingOptions.threshold and not answers_of(model, options).HAS_THRESHOLD:
        raise UserError(f"--threshold={threshold:g} has no effect on exports of models that predict sets, which answer "
                        "every slot with its confidence; leave it out, and choose by the confidence")
    _check_model(model, options)
    temporary = versions.unpublished(export_dir)
    try:
        tell("writing the SavedModel")
        signatures = signatures_lib.serving_signatures(model, options)
        tensors = _write_saved_model(signatures, temporary)
        card = model_card_lib.build_card(model, options, tensors, model_card)
        model_card_lib.write_card(temporary, card)
        warmup.write_warmup(temporary, warmup.warmup_records(signatures, model.name, model.image_shape))
        report = _verify(temporary, model, options, tell) if verify else None
        version, directory = versions.publish(temporary, export_dir)
    except OSError as error:
        raise UserError(f"--export_dir={export_dir}: {error.strerror or error}; free space or choose another "
                        "directory") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Export(directory, version, card, report)


def _check_model(model, options):
    """Tries the overrides on an empty image, so that the model itself says what it cannot do."""
    if model.dtype_policy.compute_dtype != "float32":
        raise UserError(f"the model computes in {model.dtype_policy.compute_dtype}, exports are float32; rebuild it "
                        "under the float32 policy and load the weights")
    noise = {name: tf.zeros(entry.shape) for name, entry in options.noise_spec(model).items()}
    outputs = model(tf.zeros((1, *model.image_shape)), noise=noise, num_slots=options.num_slots,
                    num_iterations=options.num_iterations)
    if not all(np.isfinite(value).all() for value in answers_of(model, options).tensors(outputs).values()):
        raise UserError("the model's output is not finite: its training diverged; export another checkpoint or run")


def _write_saved_model(signatures, directory):
    """Writes the SavedModel; returns dict signature -> (inputs, outputs), each dict tensor name -> `tf.TensorSpec`."""
    archive, functions = keras.export.ExportArchive(), {}
    for name, signature in signatures.items():
        functions[name] = archive.add_endpoint(name, signature.function, input_signature=list(signature.inputs))
    log = tf.get_logger()
    level = log.level
    log.setLevel(logging.ERROR)  # "Assets written to <temporary name>" would only puzzle
    try:
        archive.write_out(directory, verbose=False)
    finally:
        log.setLevel(level)
    return {name: ({spec.name: spec for spec in signatures[name].inputs},
                   function.get_concrete_function().structured_outputs) for name, function in functions.items()}


def _verify(directory, model, options, tell):
    tell("verifying with TensorFlow's C++ loader, about a minute for large images")
    report = verify_lib.verify_export(directory, model, options)
    if report.problems:
        raise UserError(f"the export does not compute what the model computes, nothing was written; the first of "
                        f"{len(report.problems)} problem(s): {report.problems[0]}; please report this with the model's "
                        "config.json")
    return report
