"""Scores a finished run on held-out images; the logic of `python -m tfobj.evaluate`."""

import dataclasses

from tfobj import noise as noises
from tfobj import visualisation
from tfobj.data import faults
from tfobj.errors import UserError
from tfobj.training import engine as engines
from tfobj.training import evaluation
from tfobj.training import evaluation_data
from tfobj.training import run_directory
from tfobj.training.arrays import unit_range

_NUM_PICTURES = 8
_TABLE = (
    ("ari_fg", "adjusted Rand index, foreground"), ("ari", "adjusted Rand index, all pixels"),
    ("ari_thresholded", "the same, largest mask > 0.5 else background"), ("mse", "mean squared error in [0, 1]"),
    ("loss", "training loss"), ("mask_entropy", "mask entropy, 0 decided to 1 uniform"),
    ("slots_alike", "similarity of slots, 1 all alike"), ("used_slots", "slots in use per image"),
    ("dead_slots", "slots never in use"), ("num_without_objects", "images without any object"))


def evaluate_run(run_dir, split="test", num_examples=320, checkpoint="best", num_slots=None, num_iterations=None,
                 noise_seed=0, batch_size=32, data_dir=None, image_dir=None, report=None, changes=None):
    """Scores the model of a run and writes `evaluation.json` and a picture into the run directory.

    What differs from the default goes into the names of the files.

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
        changes: dict from field of `DataConfig` to its value, where it is to differ from training: another data set
            or variant, another filter. Images must have the shape that the model was built for.

    Returns:
        Tuple (result, json path, picture path); the result is what the JSON file holds.

    Raises:
        UserError: no run, no data, other data than in training, or impossible overrides.
    """
    run = run_directory.load_run(run_dir, checkpoint)
    changes = {**(changes or {}), "data_dir": data_dir, "image_dir": image_dir}
    data_config = evaluation_data.changed(run.config.data, changes)
    engine = engines.single_device_engine()
    source = engine.open_source(data_config)
    evaluation_data.check_source(run, data_config, source)
    limit = num_examples or source.num_examples(split)
    evaluation_input = engine.evaluation_input(source, data_config, split, limit, batch_size)
    evaluator = evaluation.Evaluator(
        engine, run.model, evaluation_input, source.max_objects if source.has_masks else None,
        noise_seed, num_slots, num_iterations)
    with faults.named(data_config):
        scores = evaluator.run(report)
    scores.pop("per_image")
    result = _result(run, data_config, split, checkpoint, scores, num_slots, num_iterations, noise_seed)
    result["data_fingerprint"] = source.fingerprint()
    suffix = _suffix(split=(split, "test"), checkpoint=(checkpoint, "best"), n=(num_examples, 320),
                     K=(num_slots, None), T=(num_iterations, None), seed=(noise_seed, 0))
    stem = f"evaluation{evaluation_data.suffix(run.config.data, data_config)}{suffix}"
    path, picture = run.directory / f"{stem}.json", run.directory / f"{stem}.png"
    try:
        run_directory.write_json(path, result)
        _draw(engine, run.model, evaluation_input, noise_seed, num_slots, num_iterations, picture)
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
    filters = {name: getattr(data_config, name)
               for name in ("min_objects", "max_objects", "exclude_objects", "require_objects")}
    return {"run_dir": str(run.directory), "model": run.config.model, "step": run.step, "checkpoint": checkpoint,
            "data": evaluation_data.name(data_config), "filters": filters, "split": split, "noise_seed": noise_seed,
            "num_slots": num_slots or run.model.num_slots,
            "num_iterations": model_config.num_iterations if num_iterations is None else num_iterations,
            "scores": scores}


def _draw(engine, model, evaluation_input, noise_seed, num_slots, num_iterations, path):
    batch = evaluation_input.examples(_NUM_PICTURES)
    noise = noises.example_noise(model.noise_spec(1, num_slots), noise_seed, range(len(batch["image"])))
    outputs = engine.outputs(model, unit_range(batch["image"]), noise, num_slots=num_slots,
                             num_iterations=num_iterations)
    grid = visualisation.slot_grid(batch["image"], outputs, masks=batch.get("mask"),
                                   background_slot=model.background_slot)
    visualisation.save_png(str(path), grid)
