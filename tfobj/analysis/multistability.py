"""How many different segmentations of one image a model settles in (IODINE, Section 4.3 and Figure 10)."""

import numpy as np
from scipy import optimize

from tfobj import tiles
from tfobj import visualisation
from tfobj.analysis.finding import Finding
from tfobj.labels import IGNORE_ID
from tfobj.metrics import segmentation
from tfobj.noise import example_noise
from tfobj.training.arrays import unit_range

_MOST_SHOWN = 12


def analyse(opened, options, countdown):
    """Segments one image with many seeds of the noise and groups what comes out, whatever the order of the slots.

    In the order of the seeds, a segmentation joins the first group to whose first member its adjusted Rand index is
    at least --same_ari, or else starts a group. The index knows nothing of the order of slots; slots are matched by
    overlap only to give them the same colours in the picture. Compared are the pixels of the true objects, since
    slots share a uniform background by chance, or all pixels where there is no ground truth or with --pixels=all.

    Args:
        opened: See `tfobj.analysis`.
        options: `MultistabilityOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `num_distinct`, `pixels` and `groups`, the most frequent first, dicts of
        `frequency`, `seeds`, mean `loss`, and mean `ari_fg` where there is ground truth.

    Raises:
        UserError: there is no such image.
    """
    batch, row = opened.example(options.image_index), options.image_index
    shown = opened.shown(batch)
    true = shown.get("mask")
    seeds = np.arange(opened.settings.noise_seed, opened.settings.noise_seed + options.num_seeds)
    maps, losses = _segmentations(opened, batch["image"], row, seeds, countdown("segmented", "times"))
    num_slots = int(opened.about()["num_slots"])
    objects_only = options.pixels == "objects" and true is not None
    compared = np.where((true == 0) | (true == IGNORE_ID), IGNORE_ID, maps) if objects_only else maps
    members = _groups(compared, num_slots, options.same_ari)
    scores = None if true is None else np.asarray(segmentation.adjusted_rand_index(
        np.repeat(true, len(maps), axis=0), maps, opened.max_objects + 1, num_slots, ignore_background=True))
    groups = [_described(rows, seeds, losses, scores) for rows in members]
    result = {"num_distinct": len(groups), "pixels": "objects" if objects_only else "all", "groups": groups}
    drawn = [aligned(maps[rows[0]], maps[members[0][0]], num_slots) for rows in members[:_MOST_SHOWN]]
    drawn = [np.where(compared[0] == IGNORE_ID, 0, visualisation.slot_ids(one, opened.model.background_slot))
             for one in drawn]
    return Finding(result, _table(result), _picture(shown, drawn, groups))


def aligned(labels, reference, num_labels):
    """Renames labels so that they agree with a reference in as many pixels as possible.

    Args:
        labels: int [H,W], below `num_labels`.
        reference: int [H,W], below `num_labels`.
        num_labels: int.

    Returns:
        int [H,W], `labels` permuted.
    """
    table = np.asarray(segmentation.contingency_table(labels[None], reference[None], num_labels, num_labels))[0]
    before, after = optimize.linear_sum_assignment(table, maximize=True)
    names = np.empty(num_labels, np.int32)
    names[before] = after
    return names[labels]


def _segmentations(opened, image, row, seeds, report):
    """Segmentations int32 [S,H,W] of one image [1,H,W,C], and losses [S]."""
    model, size = opened.model, opened.settings.batch_size
    overrides = opened.overrides()

    def values_of(image, noise):
        image = unit_range(image)
        outputs = model(image, noise=noise, **overrides)
        return {"maps": outputs["segmentation"], "losses": model.losses_of(image, outputs)["loss"]}

    run, parts = opened.engine.compiled(values_of, model), []
    for start in range(0, len(seeds), size):
        chunk = np.resize(seeds[start:start + size], size)  # a full batch: the last one is filled with repetitions
        noise = [opened.noise([row], overrides, seed) for seed in chunk]
        noise = {name: np.concatenate([draw[name] for draw in noise]) for name in noise[0]}
        parts.append(run(np.repeat(image, size, axis=0), noise))
        report(min(start + size, len(seeds)), len(seeds))
    return tuple(np.concatenate([part[name] for part in parts])[:len(seeds)] for name in ("maps", "losses"))


def _groups(maps, num_slots, same_ari):
    """Rows of equal segmentations [S,H,W], a list of int arrays, the largest group first."""
    free, groups = np.ones(len(maps), bool), []
    while free.any():
        leader = np.flatnonzero(free)[0]
        index = segmentation.adjusted_rand_index(np.repeat(maps[leader:leader + 1], len(maps), axis=0), maps, num_slots,
                                                 num_slots)
        same = free & (np.asarray(index) >= same_ari)
        same[leader] = True
        groups.append(np.flatnonzero(same))
        free &= ~same
    return sorted(groups, key=len, reverse=True)


def _described(rows, seeds, losses, scores):
    described = {"frequency": len(rows) / len(seeds), "seeds": seeds[rows].tolist(),
                 "loss": float(losses[rows].mean(dtype=np.float64))}
    return described if scores is None else {**described, "ari_fg": float(scores[rows].mean())}


def _picture(shown, maps, groups):
    size = tiles.tile_size(*shown["image"].shape[1:3])
    parts = [("image", visualisation.to_rgb(shown["image"][0]))]
    if "mask" in shown:
        parts.append(("ground truth", visualisation.segmentation_picture(shown["mask"][0])))
    parts += [(f"{group['frequency']:.0%}", visualisation.segmentation_picture(ids))
              for ids, group in zip(maps, groups)]
    cells = [tiles.column([tiles.fit(picture, size, smooth=name == "image"), tiles.text_line(name, size[1])], gap=0)
             for name, picture in parts]
    return tiles.frame(tiles.row(cells))


def _table(result):
    lines = [f"{result['num_distinct']} distinct segmentations (pixels compared: {result['pixels']})"]
    for group in result["groups"][:_MOST_SHOWN]:
        score = f"  ari_fg {group['ari_fg']:.4f}" if "ari_fg" in group else ""
        lines.append(f"  {group['frequency']:>6.1%}  loss {group['loss']:.4g}{score}  first seed {group['seeds'][0]}")
    return "\n".join(lines)
