"""Scores against the number of slots at test time (IODINE, Figure 9), as box plots over images."""

from tfobj import charts
from tfobj import tiles
from tfobj.analysis import image_scores
from tfobj.analysis.finding import Finding
from tfobj.analysis.stages import Stages
from tfobj.errors import UserError


def analyse(opened, options, countdown):
    """Scores the images with every number of slots in --slots.

    Other numbers of objects than in training are a matter of the data: --min_objects, --max_objects.

    Args:
        opened: See `tfobj.analysis`.
        options: `SlotsOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `trained_slots` and `slots`, a list of dicts with `num_slots` and `scores`, from
        score to `mean`, `median`, `lower_quartile`, `upper_quartile`, `lower_whisker`, `upper_whisker`.

    Raises:
        UserError: --num_slots is given, too, or the model cannot work with a number of slots.
    """
    if opened.settings.num_slots is not None:
        raise UserError(f"--num_slots={opened.settings.num_slots} has no effect with --analysis=slots; use --slots")
    stages, rows = Stages(countdown("scored", "batches"), len(options.slots)), []
    for number in options.slots:
        values = opened.map(image_scores.last_scores(opened), report=stages.next(), num_slots=number)
        rows.append({"num_slots": number, "scores": {
            name: _box(values[name]) for name in image_scores.TITLES if name in values}})
    result = {"trained_slots": opened.model.num_slots, "slots": rows}
    table = image_scores.table("slots", [row["num_slots"] for row in rows], [row["scores"] for row in rows])
    return Finding(result, table, _picture(rows))


def _box(values):
    low, high = image_scores.whiskers(values)
    return {**image_scores.quartiles(values), "lower_whisker": low, "upper_whisker": high}


def _picture(rows):
    keys = ("lower_whisker", "lower_quartile", "median", "upper_quartile", "upper_whisker")
    labels = [str(row["num_slots"]) for row in rows]
    panels = [charts.box_chart(image_scores.TITLES[name], [[row["scores"][name][key] for key in keys] for row in rows],
                               labels, "slots at test time") for name in rows[0]["scores"]]
    return tiles.frame(tiles.row(panels))
