"""Average precision against iterations at test time and numbers of objects (Slot Attention, Figures 5, 21 and 22)."""

import numpy as np

from tfobj import charts
from tfobj import properties
from tfobj import tiles
from tfobj.analysis.finding import Finding
from tfobj.analysis.stages import Stages
from tfobj.errors import UserError
from tfobj.tasks.set_prediction import PRECISIONS, precisions

_PANEL = (220, 320)


def analyse(opened, options, countdown):
    """Scores the images with every number of iterations in --test_iterations, all of them and by number of objects.

    Without that flag with the model's `tested_iterations`. A model without iterations is scored once.

    Args:
        opened: See `tfobj.analysis`.
        options: `PrecisionOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `trained_iterations` and `iterations`, a list of dicts of `num_iterations`,
        `scores`, a dict from `ap_inf` to `ap_0.125`, and `by_objects`, a list of dicts of `num_objects`, `num_images`
        and `scores`.

    Raises:
        UserError: --num_iterations is given, too, or the data do not say what the objects are.
    """
    if opened.settings.num_iterations is not None:
        raise UserError(f"--num_iterations={opened.settings.num_iterations} has no effect with --analysis=precision; "
                        "use --test_iterations")
    trained = getattr(opened.config.model_config, "num_iterations", None)
    steps = (options.test_iterations or opened.model.tested_iterations) if trained is not None else (None,)
    stages, rows = Stages(countdown("scored", "batches"), len(steps)), []
    for step in steps:
        predictions, targets = sets_of(opened.scores(stages.next(), num_iterations=step))
        rows.append({"num_iterations": step, "scores": precisions(predictions, targets),
                     "by_objects": _by_objects(predictions, targets)})
    return Finding({"trained_iterations": trained, "iterations": rows}, _table(rows), _picture(rows))


def sets_of(scores):
    """Predictions and targets of all images, from what an evaluation returned.

    Raises:
        UserError: the data do not say what the objects are.
    """
    if "targets" not in scores["per_image"]:
        raise UserError("these data do not say the properties of their objects; choose --dataset=clevr_properties")
    return scores["per_image"]["predictions"], scores["per_image"]["targets"]


def table_of(corner, labels, rows):
    """Average precisions in percent, one line per row.

    Args:
        corner: str. Heading of the labels.
        labels: Sequence, one per row.
        rows: Sequence of dicts as of `precisions`.

    Returns:
        str.
    """
    lines = [f"{corner:<24}" + "".join(f"{name:>10}" for name in PRECISIONS) + "   average precision in %"]
    for label, row in zip(labels, rows):
        lines.append(f"{label:<24}" + "".join(f"{100.0 * row[name]:>10.2f}" for name in PRECISIONS))
    return "\n".join(lines)


def charts_of(curves_of, x_label):
    """A line of charts, one for each distance; `curves_of` gives the list of curves for the name of a score."""
    return tiles.row([charts.line_chart(name, curves_of(name), x_label, _PANEL) for name in PRECISIONS])


def _by_objects(predictions, targets):
    counts = np.count_nonzero(targets[..., properties.PRESENCE], axis=1)
    rows = []
    for number in np.unique(counts[counts > 0]):
        chosen = counts == number
        rows.append({"num_objects": int(number), "num_images": int(chosen.sum()),
                     "scores": precisions(predictions[chosen], targets[chosen])})
    return rows


def _name(row):
    return "all" if row["num_iterations"] is None else f"{row['num_iterations']} iterations"


def _table(rows):
    labels, scores = [], []
    for row in rows:
        labels.append(_name(row))
        labels += [f"  {part['num_objects']} objects, {part['num_images']} images" for part in row["by_objects"]]
        scores += [row["scores"], *(part["scores"] for part in row["by_objects"])]
    return table_of("", labels, scores)


def _picture(rows):
    def against_objects(name):
        return [charts.Curve([part["num_objects"] for part in row["by_objects"]],
                             [part["scores"][name] for part in row["by_objects"]], label=_name(row)) for row in rows]

    lines = [charts_of(against_objects, "objects")]
    if len(rows) > 1:
        steps = [row["num_iterations"] for row in rows]
        lines.insert(0, charts_of(lambda name: [charts.Curve(steps, [row["scores"][name] for row in rows])],
                                  "iterations"))
    return tiles.frame(tiles.column(lines))
