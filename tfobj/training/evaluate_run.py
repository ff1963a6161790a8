"""Scores a finished run on held-out images; the logic of `python -m tfobj.evaluate`."""

from tfobj import registry
from tfobj import tasks
from tfobj.training.opened_run import OpenedRun
from tfobj.training.opened_run import Settings

_NUM_PICTURES = 8


def evaluate_run(run_dir, report=None, **settings):
    """Scores the model of a run and writes `evaluation.json` and a picture into the run directory.

    What differs from the default goes into the names of the files.

    Args:
        run_dir: str or path.
        report: Callable (batches done, batches in all) or None.
        **settings: The other fields of `tfobj.training.opened_run.Settings`.

    Returns:
        Tuple (result, json path, picture path); the result is what the JSON file holds.

    Raises:
        UserError: no run, no data, other data than in training, or impossible overrides.
    """
    opened = OpenedRun(Settings(run_dir, **settings))
    scores = opened.scores(report)
    scores.pop("per_image")
    result = {**opened.about(), "scores": scores}
    return result, *opened.write("evaluation", result, _picture(opened))


def table(result):
    """Formats the scores as text, one line per score."""
    scores = result["scores"]
    model_class = registry.load(registry.model_entry(result["model"]).path)
    lines = [f"{name:<20}{scores[name]:>10{'d' if isinstance(scores[name], int) else '.4f'}}  {meaning}"
             for name, meaning in tasks.task_of(model_class).TABLE if name in scores]
    images = "1 image" if scores["num_images"] == 1 else f"{scores['num_images']} images"
    settings = {"K": result["num_slots"], "T": result["num_iterations"], **result["model_changes"]}
    settings = [f"{name}={value}" for name, value in settings.items() if value is not None]
    head = (f"{images} of {result['data']} ({result['split']}), step {result['step']}, {', '.join(settings)}, "
            f"noise seed {result['noise_seed']}")
    return "\n".join([head, *lines])


def _picture(opened):
    batch = opened.examples.examples(_NUM_PICTURES)
    outputs = opened.outputs(batch["image"], range(len(batch["image"])))
    pictures = tasks.task_of(opened.model).pictures(opened.model, batch, outputs, opened.settings.num_iterations)
    return next(iter(pictures.values()))
