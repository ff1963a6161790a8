"""Latent traversals (IODINE, Figure 6): what one number in one slot changes in the picture."""

import numpy as np
from keras import ops

from tfobj import tiles
from tfobj import visualisation
from tfobj.analysis import image_scores
from tfobj.analysis.finding import Finding
from tfobj.errors import UserError
from tfobj.metrics import segmentation
from tfobj.ops.distributions import normal_kl

_LABEL_WIDTH = 84


def analyse(opened, options, countdown):
    """Changes single dimensions of one slot of one image, and decodes all slots together.

    Where the model has a posterior (`latent_mean`, `latent_std`), dimensions are ordered by their KL divergence from
    the prior, else by their variance; both over all slots of all examples. Latents take values between -extent and
    extent; slots without a prior move as many standard deviations around their mean.

    Args:
        opened: See `tfobj.analysis`.
        options: `TraversalsOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `slot` (numbered from 1), `slot_chosen_by`, `dims_chosen_by`, and `dims`, a list of
        dicts of `dim`, `score` and `values`. The picture has a line per dimension.

    Raises:
        UserError: the model does not decode slots, or there is no such image or slot.
    """
    model = opened.model
    if not hasattr(model, "decode"):
        raise UserError(f"--analysis=traversals: --model={opened.config.model} does not decode latents by themselves")
    batch, row = opened.example(options.image_index), options.image_index
    values = opened.map(_values_of(opened), report=countdown("encoded", "batches"))
    slot, slot_chosen_by = _chosen_slot(options, values)
    scores, dims_chosen_by = _scores_of_dims(values)
    dims = np.argsort(-scores, kind="stable")[:options.num_dims]
    steps = np.linspace(-options.extent, options.extent, options.num_values)
    latents = values["latents"]
    has_prior = "latents" in model.output_names()
    lines = []
    for dim in dims:
        center, scale = (0.0, 1.0) if has_prior else (latents[..., dim].mean(), latents[..., dim].std())
        lines.append({"dim": int(dim), "score": float(scores[dim]), "values": (center + scale * steps).tolist()})
    pictures = _decoded(opened, latents[row], slot, lines, countdown("decoded", "dimensions"))
    result = {"slot": slot + 1, "slot_chosen_by": slot_chosen_by, "dims_chosen_by": dims_chosen_by, "dims": lines}
    head = opened.outputs(batch["image"], [row])
    picture = _picture(opened.shown(batch)["image"][0], head, slot, lines, pictures, model.background_slot)
    return Finding(result, _table(result), picture)


def _values_of(opened):
    """Function for `OpenedRun.map`: what the choice of slots and dimensions needs."""
    def values_of(batch, outputs):
        values = {"latents": image_scores.representation(outputs)}
        area = outputs["masks"]  # [B,K,H,W]
        if "mask" in (shown := opened.shown(batch)):
            objects = segmentation.masks_one_hot(shown["mask"], opened.max_objects + 1, first=1)
            area = area * ops.cast(ops.any(objects > 0.0, axis=-1)[:, None], area.dtype)
        values["area"] = ops.sum(area, axis=(2, 3))
        if (kl := image_scores.kl_of_slots(outputs)) is not None:
            values["kl"] = kl
        if "latent_mean" in outputs:
            std = outputs["latent_std"]
            values["kl_of_dims"] = normal_kl(outputs["latent_mean"], ops.square(std), 0.0,
                                             opened.model.prior_std ** 2, 2.0 * ops.log(std))
        return values

    return values_of


def _chosen_slot(options, values):
    """Index of the slot, and why it."""
    num_slots = values["area"].shape[1]
    if options.slot > num_slots:
        raise UserError(f"--slot={options.slot} but there are {num_slots} slots")
    if options.slot:
        return options.slot - 1, "--slot"
    by = "kl" if "kl" in values else "area"
    return int(np.argmax(values[by][options.image_index])), {"kl": "largest KL", "area": "most pixels of objects"}[by]


def _scores_of_dims(values):
    """Mean KL or variance of every dimension, [D], and which of the two."""
    if "kl_of_dims" in values:
        return values["kl_of_dims"].mean(axis=(0, 1), dtype=np.float64), "mean KL"
    return values["latents"].var(axis=(0, 1), dtype=np.float64), "variance"


def _decoded(opened, latents, slot, lines, report):
    """Reconstructions, a list of arrays [V,H,W,C], of latents [K,D] with one dimension of one slot changed."""
    decode = opened.engine.compiled(
        lambda latents: {"reconstruction": opened.model.decode(latents)["reconstruction"]}, opened.model)
    pictures = []
    for number, line in enumerate(lines, start=1):
        changed = np.repeat(latents[None], len(line["values"]), axis=0)  # [V,K,D]
        changed[:, slot, line["dim"]] = line["values"]
        pictures.append(decode(changed)["reconstruction"])
        report(number, len(lines))
    return pictures


def _picture(image, outputs, slot, lines, pictures, background_slot):
    size = tiles.tile_size(*np.shape(image)[:2])
    segments = visualisation.slot_ids(outputs["segmentation"][0], background_slot)
    first = [tiles.fit(visualisation.to_rgb(image), size),
             tiles.fit(visualisation.to_rgb(outputs["reconstruction"][0]), size),
             tiles.fit(visualisation.segmentation_picture(segments), size, smooth=False),
             tiles.fit(visualisation.to_rgb(outputs["masks"][0, slot]), size)]
    names = ["image", "reconstruction", "segmentation", f"mask of slot {slot + 1}"]
    cells = [tiles.column([tiles.text_line(name, size[1]), tile], gap=0) for name, tile in zip(names, first)]
    rows = [tiles.row([tiles.note("", (16, _LABEL_WIDTH)), *cells])]
    for line, decoded in zip(lines, pictures):
        label = tiles.note(f"{line['dim']}: {line['score']:.3g}", (size[0], _LABEL_WIDTH))
        shown = [tiles.column([tiles.text_line(f"{value:.2f}", size[1]), tiles.fit(visualisation.to_rgb(one), size)],
                              gap=0) for value, one in zip(line["values"], decoded)]
        rows.append(tiles.row([label, *shown]))
    return tiles.frame(tiles.column(rows))


def _table(result):
    lines = [f"slot {result['slot']} ({result['slot_chosen_by']}); dimensions by {result['dims_chosen_by']}:"]
    lines += [f"  {line['dim']:>4}  {line['score']:.4g}" for line in result["dims"]]
    return "\n".join(lines)
