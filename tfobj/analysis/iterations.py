"""Scores after each of many iterations (IODINE, Figure 8): does refinement settle, and does it stay?"""

import numpy as np

from tfobj import charts
from tfobj import tiles
from tfobj.analysis import image_scores
from tfobj.analysis.finding import Finding
from tfobj.analysis.stages import Stages
from tfobj.errors import UserError

NUM_ITERATIONS = 15
"""Test iterations of the figure, where --num_iterations is not given."""


def analyse(opened, options, countdown):
    """Scores the images after every iteration up to --num_iterations.

    A model that returns all its iterations (`iteration_masks` and so on, the state before the first refinement
    included) runs once. Another one runs once for every number of iterations.

    Args:
        opened: See `tfobj.analysis`.
        options: `IterationsOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `iterations`, a list of T, and `scores`, a dict from score to its `mean`, `median`,
        `lower_quartile` and `upper_quartile` over images, a list each.

    Raises:
        UserError: the model has no iterations.
    """
    del options
    if not hasattr(opened.config.model_config, "num_iterations"):
        raise UserError(f"--analysis=iterations: --model={opened.config.model} has no "
                        "iterations; choose another analysis")
    last = NUM_ITERATIONS if opened.settings.num_iterations is None else opened.settings.num_iterations
    if last < 1:
        raise UserError(f"--num_iterations={last} leaves nothing to compare; use at least 1")
    if "iteration_masks" in opened.model.output_names():
        scores = opened.map(image_scores.iteration_scores(opened), num_iterations=last,
                            report=countdown("scored", "batches"))
        steps = list(range(last + 1))
    else:
        steps = list(range(1, last + 1))
        scores = _one_by_one(opened, steps, countdown("scored", "batches"))
    summary = {name: image_scores.quartiles(scores[name]) for name in image_scores.TITLES if name in scores}
    result = {"iterations": steps, "trained_iterations": opened.config.model_config.num_iterations, "scores": summary}
    return Finding(result, _table(steps, summary), _picture(steps, summary))


def _one_by_one(opened, steps, report):
    """Scores [N,T] of a model that has to run for every number of iterations."""
    stages = Stages(report, len(steps))
    rows = [opened.map(image_scores.last_scores(opened, num_iterations=step), report=stages.next(), num_iterations=step)
            for step in steps]
    return {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}


def _table(steps, summary):
    rows = [{name: {part: values[row] for part, values in score.items()} for name, score in summary.items()}
            for row in range(len(steps))]
    return image_scores.table("iteration", steps, rows)


def _picture(steps, summary):
    panels = [charts.line_chart(image_scores.TITLES[name], [charts.Curve(
        steps, score["median"], score["lower_quartile"], score["upper_quartile"])], "iterations")
        for name, score in summary.items()]
    return tiles.frame(tiles.row(panels))
