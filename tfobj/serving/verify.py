"""Proof that an export computes what the model computes.

The SavedModel is loaded by the C++ loader in a fresh process (`cpp_loader`) and every signature is called with a few
images at several batch sizes. The Python model is called eagerly on the same images; what the signatures derive from
its outputs (labels, thresholds, PNG, names) is derived a second time, with NumPy and Pillow.
"""

import dataclasses
import io
import subprocess

import numpy as np
from PIL import Image
import tensorflow as tf

from tfobj.data import preprocessing
from tfobj.models.scene_prior import ScenePrior
from tfobj.serving import cpp_loader, signatures as signatures_lib, warmup
from tfobj.serving.answers import answers_of, relative_difference

# Largest difference relative to the largest value of a tensor.
TOLERANCE = 1e-4
BATCH_SIZES = (1, 3)


@dataclasses.dataclass(frozen=True)
class Report:
    """What verification found.

    Attributes:
        differences: Dict signature -> dict output -> float. For float outputs the largest difference to the Python
            model relative to the largest value; for labels and PNG the share of pixels that differ, not counting those
            where two masks, or mask and threshold, are closer than the tolerance.
        batch_difference: float. Largest such difference between the same image in batches of different sizes.
        problems: List of str, one per mismatch or failed call; empty if the export is good.
        num_warmup: int. Warm-up records that were run.
    """

    differences: dict
    batch_difference: float
    problems: list
    num_warmup: int

    @property
    def largest(self):
        """float: the largest difference of all signatures and outputs."""
        return max((value for outputs in self.differences.values() for value in outputs.values()), default=0.0)


def verify_export(directory, model, options, tolerance=TOLERANCE, batch_sizes=BATCH_SIZES):
    """Compares an export with the model it was made from, and runs its warm-up records.

    Args:
        directory: str. The directory of `saved_model.pb`.
        model: The `SlotModel` that was exported.
        options: `ServingOptions` of the export.
        tolerance: float. Largest accepted difference, see `Report.differences`.
        batch_sizes: Sequence of int. The images of a smaller batch are the first of a larger one.

    Returns:
        `Report`.
    """
    signatures = signatures_lib.serving_signatures(model, options)
    samples = _samples(model, options, max(batch_sizes))
    requests = [(name, size) for name in signatures for size in batch_sizes]
    calls = [(name, {spec.name: samples[name][spec.name][:size] for spec in signatures[name].inputs})
             for name, size in requests]
    records = _read_records(directory)
    try:
        answers = cpp_loader.run_in_subprocess(directory, calls + records)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return Report({}, float("inf"), [str(error)], 0)
    problems = [f"{name}, warm-up request: {answer}"
                for (name, _), answer in zip(records, answers[len(calls):]) if isinstance(answer, str)]
    problems += [f"{name}, batch of {size}: {answer}"
                 for (name, size), answer in zip(requests, answers) if isinstance(answer, str)]
    if problems:
        return Report({}, float("inf"), problems, len(records))
    by_request = dict(zip(requests, answers))
    differences = _compare(signatures, by_request, batch_sizes, model, options, samples, tolerance)
    problems = [f"{name}: `{output}` differs by {value:.3g}, more than {tolerance:g}"
                for name, outputs in differences.items() for output, value in outputs.items()
                if not value <= tolerance]
    floats = answers_of(model, options).FLOATS
    return Report(differences, _batch_difference(by_request, batch_sizes, floats), problems, len(records))


def _read_records(directory):
    path = f"{directory}/{warmup.FILE_NAME}"
    return [warmup.read_warmup(record.numpy()) for record in tf.data.TFRecordDataset(path)]


def _samples(model, options, count):
    """Inputs of every signature for `count` images, and under `float` the images that the model should then see."""
    generator = np.random.default_rng(0)
    height, width, channels = model.image_shape
    # Blocks of colour with some grain: neither constant nor mere noise.
    blocks = generator.integers(0, 256, (count, -(-height // 4), -(-width // 4), channels))
    images = blocks.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
    images = np.clip(images + generator.integers(-8, 9, images.shape), 0, 255).astype(np.uint8)
    files = np.array([_image_file(image, index) for index, image in enumerate(images)], object)
    seen = {"serving_default": images.astype(np.float32) / 255.0,
            "serve_bytes": np.stack([preprocessing.fit_image(np.asarray(Image.open(io.BytesIO(content))),
                                                             model.image_shape, options.antialias)
                                      for content in files])}
    seen["serve_float"], seen["segment_bytes"] = seen["serving_default"], seen["serve_bytes"]
    requests = {"serving_default": {"images": images}, "serve_float": {"images": seen["serve_float"]},
                "serve_bytes": {"image_bytes": files}, "segment_bytes": {"image_bytes": files}}
    constant = signatures_lib.constant_noise(model, options)
    own = {name: generator.standard_normal((count, *value.shape[1:])).astype(np.float32)
           for name, value in constant.items()}
    samples = {}
    for name, request in requests.items():
        noise = {key: np.repeat(value, count, axis=0) for key, value in constant.items()}
        samples[name] = {**request, "float": seen[name], "noise": noise}
        noise_inputs = {f"noise_{key}": value for key, value in own.items()}
        samples[f"{name}_with_noise"] = {**request, **noise_inputs, "float": seen[name], "noise": own}
    if isinstance(model, ScenePrior):
        samples["sample"] = _scene_sample(options.sample_noise_spec(model), count, generator)
    return samples


def _scene_sample(spec, count, generator):
    """Inputs of the signature that sees no images."""
    noise = {name: generator.standard_normal((count, *entry.shape[1:])).astype(np.float32)
             for name, entry in spec.items()}
    return {**{f"noise_{name}": value for name, value in noise.items()}, "noise": noise, "float": np.zeros(0)}


def _image_file(image, index):
    """Encodes the image: the first as PNG of the model's size, then PNG and JPEG of other sizes in turn."""
    picture, buffer = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), io.BytesIO()
    if index:
        picture = picture.resize((image.shape[1] + 3 * index, image.shape[0] + index), Image.BILINEAR)
    picture.save(buffer, format="PNG" if index % 2 == 0 else "JPEG")
    return buffer.getvalue()


def _compare(signatures, answers, batch_sizes, model, options, samples, tolerance):
    """Dict signature -> dict output -> largest difference over the batch sizes."""
    wanted, known, differences = answers_of(model, options), {}, {}
    for name in signatures:
        sample, largest = samples[name], {}
        # Signatures that see the same images with the same noise share one call of the model.
        key = sample["float"].tobytes(), *(value.tobytes() for value in sample["noise"].values())
        known[key] = known.get(key) or wanted.expected(_outputs(model, options, sample), tolerance)
        sizes = _file_sizes(sample["image_bytes"]) if name == "segment_bytes" else None
        for size in batch_sizes:
            expected = {output: value[:size] for output, value in known[key].items()}
            for output, found in answers[name, size].items():
                difference = wanted.difference(output, found, expected, sizes)
                largest[output] = max(largest.get(output, 0.0), difference)
        differences[name] = largest
    return differences


def _outputs(model, options, sample):
    """What the Python model returns for a sample."""
    # On the CPU as the loader: GPUs multiply in TensorFloat-32, which differs by more than the tolerance.
    with tf.device("/CPU:0"):
        if not len(sample["float"]):
            return model.sample(sample["noise"])
        return model(sample["float"], noise=sample["noise"], num_slots=options.num_slots,
                     num_iterations=options.num_iterations)


def _file_sizes(files):
    return [Image.open(io.BytesIO(content)).size[::-1] for content in files]


def _batch_difference(answers, batch_sizes, floats):
    """Largest difference of the same image's float outputs between batches of different sizes."""
    whole = max(batch_sizes)
    return max((relative_difference(found, answers[name, whole][output][:size])
                for (name, size), outputs in answers.items() for output, found in outputs.items()
                if output in floats), default=0.0)
