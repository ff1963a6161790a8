"""Average precision on scenes with exactly as many objects as slots (Slot Attention, Figure 5, right)."""

from tfobj import charts
from tfobj import tiles
from tfobj.analysis import precision
from tfobj.analysis.finding import Finding
from tfobj.analysis.stages import Stages
from tfobj.errors import UserError
from tfobj.tasks.set_prediction import precisions


def analyse(opened, options, countdown):
    """Scores, for every N in --object_counts, the images with exactly N objects, with N slots.

    Args:
        opened: See `tfobj.analysis`. --num_examples limits the images of every N.
        options: `ObjectsOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `trained_slots` and `objects`, a list of dicts of `num_objects`, `num_images` and
        `scores`, a dict from `ap_inf` to `ap_0.125`.

    Raises:
        UserError: --num_slots is given, too, the model cannot work with N slots, there is no such image, or the data do
            not say what the objects are.
    """
    if opened.settings.num_slots is not None:
        raise UserError(f"--num_slots={opened.settings.num_slots} has no effect with --analysis=objects, which takes "
                        "as many slots as objects; leave it out")
    for number in options.object_counts:
        _check_num_slots(opened.model, number)
    stages, rows = Stages(countdown("scored", "batches"), len(options.object_counts)), []
    for number in options.object_counts:
        examples = opened.inputs(opened.settings.split, opened.settings.num_examples, min_objects=number,
                                 max_objects=number)
        scores = opened.scores(stages.next(), examples, num_slots=number)
        rows.append({"num_objects": number, "num_images": examples.num_examples,
                     "scores": precisions(*precision.sets_of(scores))})
    table = precision.table_of("objects", [f"{row['num_objects']}, {row['num_images']} images" for row in rows],
                               [row["scores"] for row in rows])
    numbers = [row["num_objects"] for row in rows]
    picture = precision.charts_of(lambda name: [charts.Curve(numbers, [row["scores"][name] for row in rows])],
                                  "objects and slots")
    return Finding({"trained_slots": opened.model.num_slots, "objects": rows}, table, tiles.frame(picture))


def _check_num_slots(model, number):
    """Raises `UserError` if the model works with another number of slots alone."""
    try:
        model.noise_spec(1, num_slots=number)
    except UserError:
        raise UserError(f"--analysis=objects takes {number} slots for scenes with {number} objects, but this model has "
                        f"learned exactly {model.num_slots} slots; use --object_counts={model.num_slots}") from None
