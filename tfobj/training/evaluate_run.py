"""Scores a finished run on held-out images; the logic of `python -m tfobj.evaluate`."""

import dataclasses

import tensorflow as tf

from tfobj import noise as noises
from tfobj import visualisation
from tfobj.data import faults
from tfobj.data import pipeline
from tfobj.data import source as sources
from tfobj.errors import UserError
from tfobj.training import evaluation
from tfobj.training import run_directory
from tfobj.training.step import unit_range
from tfobj.training.summaries import as_arrays

_NUM_PICTURES = 8
_TABLE = (
    ("ari_fg", "adjusted Rand index, foreground"), ("ari", "adjusted Rand index, all pixels"),
    ("ari_thresholded", "the same, largest mask > 0.5 else background"), ("mse", "mean squared error in [0, 1]"),
    ("loss", "training loss"), ("mask_entropy", "mask entropy, 0 decided to 1 uniform"),
    ("slots_alike", "similarity of slots, 1 all alike"), ("used_slots", "slots in use per image"),
    ("dead_slots", "slots never in use"), ("num_without_objects", "images without any object"))


def evaluate_run(run_dir, split="test", num_examples=320, checkpoint="best", num_slots=None, num_iterations=None,
                 noise_seed=0, batch_size=32, data_dir=None, image_dir=None, report=None):
    """Scores the model of a run and writes `evaluation.json` and a picture into the run directory.

    Args:
        run_dir: str or path.
        split: str, `train`, `validation` or `test`.
        num_examples: int. The first N examples of the split after the run's filters; 0 for all.
        checkpoint: str, `best` or `latest`.
        num_slots: int or None. Overrides K.
        num_iterations: int or None. Overrides the number of iterations.
        noise_seed: int.
        batch_size: int. Has no influence on the scores.
        data_dir: str or None. Where the prepared data is now; None: where it was in training.
        image_dir: str or None. The same for a folder of pictures.
        report: Callable (batches done, batches in all) or None.

    Returns:
        Tuple (result, json path, picture path); the result is what the JSON file holds.

    Raises:
        UserError: no run, no data, other data than in training, or impossible overrides.
    """
    run = run_directory.load_run(run_dir, checkpoint)
    moved = {name: path for name, path in (("data_dir", data_dir), ("image_dir", image_dir)) if path}
    data_config = dataclasses.replace(run.config.data, **moved)
    source = sources.open_source(data_config)
    if tuple(source.image_shape) != tuple(run.image_shape):
        raise UserError(f"--run_dir={run_dir} was trained on images of shape {run.image_shape}, but its data now has "
                        f"{tuple(source.image_shape)}; restore the data set or give --data_dir")
    if source.fingerprint() != run.fingerprint:
        raise UserError(f"--run_dir={run_dir} was trained on other data than what is now in {data_config.data_dir} "
                        "(the fingerprints differ); restore the data set, or give --data_dir or --image_dir")
    limit = num_examples or source.num_examples(split)
    evaluation_input = pipeline.EvaluationInput(source, data_config, split, limit, batch_size)
    evaluator = evaluation.Evaluator(
        run.model, tf.distribute.get_strategy(), evaluation_input, source.max_objects if source.has_masks else None,
        noise_seed, num_slots, num_iterations)
    with faults.named(data_config):
        scores = evaluator.run(report)
    scores.pop("per_image")
    result = _result(run, data_config, split, checkpoint, scores, num_slots, num_iterations, noise_seed)
    suffix = _suffix(split=(split, "test"), checkpoint=(checkpoint, "best"), n=(num_examples, 320),
                     K=(num_slots, None), T=(num_iterations, None), seed=(noise_seed, 0))
    path = run.directory / f"evaluation{suffix}.json"
    picture = run.directory / f"evaluation{suffix}.png"
    try:
        run_directory.write_json(path, result)
        _draw(run.model, evaluation_input, noise_seed, num_slots, num_iterations, picture)
    except OSError as error:
        raise UserError(f"--run_dir={run_dir} cannot be written: {error.strerror}; the scores are: {scores}") from None
    return result, path, picture


def _suffix(**settings):
    """Names what differs from the papers' protocol, so that no other score passes for it: e.g. `_K6_T5`."""
    names = {"split": "", "checkpoint": ""}
    return "".join(f"_{names.get(name, name)}{value}" for name, (value, usual) in settings.items() if value != usual)


def table(result):
    """Formats the scores as text, one line per score."""
    scores = result["scores"]
    lines = [f"{name:<20}{scores[name]:>10{'d' if isinstance(scores[name], int) else '.4f'}}  {meaning}"
             for name, meaning in _TABLE if name in scores]
    head = (f"{scores['num_images']} images of {result['data']} ({result['split']}), step {result['step']}, "
            f"K={result['num_slots']}, T={result['num_iterations']}, noise seed {result['noise_seed']}")
    return "\n".join([head, *lines])


def _result(run, data_config, split, checkpoint, scores, num_slots, num_iterations, noise_seed):
    model_config = run.config.model_config
    names = (data_config.dataset, data_config.dataset_variant, data_config.dataset_config)
    return {"run_dir": str(run.directory), "model": run.config.model, "step": run.step, "checkpoint": checkpoint,
            "data": "/".join(filter(None, names)), "split": split, "noise_seed": noise_seed,
            "num_slots": num_slots or run.model.num_slots,
            "num_iterations": model_config.num_iterations if num_iterations is None else num_iterations,
            "scores": scores}


def _draw(model, evaluation_input, noise_seed, num_slots, num_iterations, path):
    batch = evaluation_input.examples(_NUM_PICTURES)
    image = unit_range(tf.constant(batch["image"]))
    noise = noises.example_noise(model.noise_spec(1, num_slots), noise_seed, range(len(image)))
    outputs = as_arrays(model(image, noise=noise, num_slots=num_slots, num_iterations=num_iterations))
    grid = visualisation.slot_grid(image.numpy(), outputs, masks=batch.get("mask"),
                                   background_slot=model.background_slot)
    visualisation.save_png(str(path), grid)
