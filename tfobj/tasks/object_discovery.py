"""Masks and appearances of objects that nobody has named. See `tfobj.tasks`."""

import numpy as np
from keras import ops

from tfobj import visualisation
from tfobj.box_grid import box_grid
from tfobj.iteration_grid import iteration_grid
from tfobj.metrics import covering
from tfobj.metrics import matched_overlap
from tfobj.metrics import reconstruction
from tfobj.metrics import segmentation
from tfobj.metrics import slot_counts
from tfobj.metrics import slot_statistics
from tfobj.training.arrays import unit_range

THRESHOLD = 0.5
"""Mask above which a pixel belongs to a slot in `ari_thresholded`; elsewhere it is background."""

ALIKE = 0.9
"""`slots_alike` above which all slots are said to do the same; a model that separates objects stays below 0.5."""

_SECOND_KINDS = ("attention", "decoder")  # of masks: GENESIS-V2 has the first, MONet-G the second beside its own
_NUM_ATTENTION_PICTURES = 2  # one line per image and iteration
_NUM_ITERATION_PICTURES = 3  # three lines per image


class ObjectDiscovery:
    """Scores are means over images: `ari` and `ari_fg` (Slot Attention, Section 4.1; background excluded),
    `ari_thresholded` (background where no mask exceeds 0.5), `miou` and `miou_gt` (CLEVRTEX, AST-Seg), `msc` and
    `msc_fg` (segmentation covering, GENESIS-V2; images without anything to cover are left out), `msc_scaled` and
    `msc_fg_scaled` (the same, segments weighted by size), `mse` (mean over pixels and channels) and `mse_sum` (their
    sum, CLEVRTEX, AST-Seg), the terms of the loss, `mask_entropy`, `slots_alike`, `used_slots`, `dead_slots`,
    `slot_usage`, a list of K numbers, `num_images`, `num_without_objects`. Of models that have a second kind of masks,
    `attention_masks`, also `ari_attention`, `ari_fg_attention`, `msc_attention` and `msc_fg_attention`, or the same
    with `decoder`; of models that find the number of slots, `average_k` and `slot_count_mae` (GENESIS-V2, Table 2).
    `ari_tiles` and so on are what cutting every image into 2x2 tiles scores: a model that has found objects has more.
    Without ground truth there are only those that need none."""

    SHOWN = ("loss", "mse", "ari_fg", "ari", "miou")
    TABLE = (
        ("ari_fg", "adjusted Rand index, foreground"), ("ari", "adjusted Rand index, all pixels"),
        ("ari_thresholded", "the same, largest mask > 0.5 else background"),
        ("miou", "IoU of matched segments and background, mean"), ("miou_gt", "the same, divided by the true segments"),
        ("msc_fg", "segmentation covering, foreground"), ("msc", "segmentation covering, all segments"),
        ("msc_fg_scaled", "the same, weighted by size: foreground"), ("msc_scaled", "all segments"),
        ("ari_fg_attention", "of the attention masks: ARI, foreground"), ("ari_attention", "ARI, all pixels"),
        ("msc_fg_attention", "covering, foreground"), ("msc_attention", "covering, all segments"),
        ("ari_fg_decoder", "of the decoder's masks: ARI, foreground"), ("ari_decoder", "ARI, all pixels"),
        ("msc_fg_decoder", "covering, foreground"), ("msc_decoder", "covering, all segments"),
        ("ari_fg_tiles", "of a fixed grid of 2x2 tiles: ARI, foreground"), ("ari_tiles", "ARI, all pixels"),
        ("msc_fg_tiles", "covering, foreground"), ("msc_tiles", "covering, all segments"),
        ("average_k", "slots that the model found, mean"), ("slot_count_mae", "their distance from objects + 1, mean"),
        ("mse", "mean squared error in [0, 1]"),
        ("mse_sum", "squared error in [0, 1], summed over pixels and channels"),
        ("elbo", "evidence lower bound, nats per image"),
        ("err", "negative log-likelihood, nats per image"),
        ("err_decoder_masks", "the same with the decoder's masks"),
        ("kl_l", "KL divergence of latents (GENESIS: of components)"),
        ("kl_m", "KL divergence of masks (GENESIS: of their latents)"),
        ("nll", "negative log-likelihood, as in the loss"),
        ("kl", "KL divergence, as in the loss (IODINE: of all iterations)"),
        ("loss", "training loss"), ("mask_entropy", "mask entropy, 0 decided to 1 uniform"),
        ("slots_alike", "similarity of slots, 1 all alike"), ("used_slots", "slots in use per image"),
        ("active_slots", "objects with a share of some pixel, per image"),
        ("dead_slots", "slots never in use"), ("num_without_objects", "images without any object"))

    def values_of(self, batch, outputs, target, max_objects):
        """See `tfobj.tasks`."""
        del target
        values = slot_statistics.per_image_statistics(outputs["masks"], outputs["components"])
        image = unit_range(batch["image"])
        values["mse"] = reconstruction.mse_mean(image, outputs["reconstruction"])
        values["mse_sum"] = reconstruction.mse_sum(image, outputs["reconstruction"])
        if "num_used_slots" in outputs:
            values["average_k"] = outputs["num_used_slots"]
        if "mask" in batch and max_objects is not None:
            values.update(_scores(batch["mask"], outputs, max(max_objects, 1) + 1))
        return values

    def summary(self, per_image):
        """See `tfobj.tasks`."""
        per_image = dict(per_image)
        used = per_image.pop("used")  # [N,K]
        usage = used.mean(axis=0, dtype=np.float64)
        scores = {name: float(value.mean(dtype=np.float64)) for name, value in _without_empty(per_image).items()}
        if "num_without_objects" in per_image:
            scores["num_without_objects"] = int(per_image["num_without_objects"].sum())
        scores.update(used_slots=float(usage.sum()), dead_slots=int((usage == 0).sum()), num_images=len(used),
                      slot_usage=[float(value) for value in usage])
        return scores

    def headline(self, scores):
        """Foreground ARI; without it, or of a single slot, whose ARI is always 0, the evidence lower bound, else minus
        the loss. The loss of models that have the bound weighs its parts differently from step to step."""
        if "ari_fg" in scores and len(scores.get("slot_usage", ())) != 1:
            return "ari_fg", scores["ari_fg"]
        return ("elbo", scores["elbo"]) if "elbo" in scores else ("-loss", -scores["loss"])

    def missing_slots(self, num_slots, max_objects):
        """Every object and the background needs one."""
        return max(0, max_objects + 1 - num_slots)

    def before_training(self, missing_slots, num_slots, dataset):
        """Warns when there are fewer slots than things to find; whoever wants a single one does not look for them."""
        if not missing_slots or num_slots == 1:
            return []
        wanted = num_slots + missing_slots
        return [f"num_slots={num_slots}, but {dataset} shows up to {wanted - 1} objects and a background: some will "
                f"share a slot; use --num_slots={wanted}"]

    def after_validation(self, scores):
        """Warns about dead slots, about slots that all do the same, and about objects none of which is switched on."""
        warnings = []
        num_slots = len(scores["slot_usage"])
        if scores.get("active_slots") == 0.0:  # of models that switch objects on
            warnings.append("no object is active: the background paints every pixel alone; if this lasts, the run has "
                            "failed: use another --seed, a lower --learning_rate or a longer warm-up")
        elif scores["dead_slots"]:
            dead = [str(k) for k, usage in enumerate(scores["slot_usage"]) if usage == 0]
            warnings.append(f"{len(dead)} of {num_slots} slots (number {', '.join(dead)}) own no pixel in any of "
                            f"{scores['num_images']} validation images; fewer slots, a longer warm-up or another "
                            "--seed may help")
        if num_slots > 1 and scores["slots_alike"] > ALIKE:
            warnings.append(f"all slots do nearly the same (similarity {scores['slots_alike']:.2f} of 1): the model "
                            "has not separated objects; if this lasts, use another --seed or a longer warm-up")
        return warnings

    def pictures(self, model, batch, outputs, num_iterations=None):
        """The slot grid and, where the model has them, boxes, attention, further masks, and iterations."""
        seen, background_slot = batch["image"], model.background_slot
        images = model.scored_frame(seen, num_iterations)
        masks = model.scored_frame(batch["mask"], num_iterations) if "mask" in batch else None
        grids = {"slots": visualisation.slot_grid(images, outputs, masks=masks, background_slot=background_slot)}
        if "boxes" in outputs:
            grids["boxes"] = box_grid(images, outputs, background_slot)
        if "attention" in outputs:
            few = slice(_NUM_ATTENTION_PICTURES)
            grids["attention"] = visualisation.attention_grid(images[few], outputs["attention"][few], background_slot)
        for kind in _SECOND_KINDS:
            if f"{kind}_masks" in outputs:  # one line per image
                second = outputs[f"{kind}_masks"][:, None]
                grids[kind] = visualisation.attention_grid(images, second, background_slot)
        if "iteration_masks" in outputs:
            few = slice(_NUM_ITERATION_PICTURES)
            grids["iterations"] = iteration_grid(seen[few], outputs["iteration_reconstruction"][few],
                                                 outputs["iteration_masks"][few], background_slot)
        return grids


def _scores(true, outputs, num_true):
    """Everything that compares with the truth, dict of tensors [B]."""
    masks = outputs["masks"]
    num_slots, labels = masks.shape[1], segmentation.labels_of(masks)
    thresholded = ops.where(ops.max(masks, axis=1) > THRESHOLD, labels + 1, 0)
    empty = ops.logical_not(segmentation.has_foreground(true))
    matched = matched_overlap.matched_overlap(true, labels, num_true, num_slots)
    tiles = ops.zeros_like(labels) + ops.convert_to_tensor(_tiles(*labels.shape[1:]), dtype=labels.dtype)
    scores = {**_of_labels(true, labels, num_slots, num_true),
              **{f"{name}_tiles": value for name, value in _of_labels(true, tiles, 4, num_true).items()},
              "num_without_objects": ops.cast(empty, "float32"),
              "miou": matched["miou"], "miou_gt": matched["miou_gt"],
              "msc_scaled": covering.segmentation_covering(true, labels, num_true, num_slots, False, True),
              "msc_fg_scaled": covering.segmentation_covering(true, labels, num_true, num_slots, True, True),
              "ari_thresholded": segmentation.adjusted_rand_index(true, thresholded, num_true, num_slots + 1)}
    for kind in _SECOND_KINDS:
        if f"{kind}_masks" in outputs:
            others = outputs[f"{kind}_masks"]
            others = _of_labels(true, segmentation.labels_of(others), others.shape[1], num_true)
            scores.update({f"{name}_{kind}": value for name, value in others.items()})
    if "num_used_slots" in outputs:
        scores["slot_count_mae"] = slot_counts.slot_count_error(outputs["num_used_slots"], true, num_true)
    return scores


def _tiles(height, width):
    """Labels of 2x2 tiles, int [H,W]."""
    rows, columns = np.arange(height) >= height // 2, np.arange(width) >= width // 2
    return 2 * rows[:, None].astype(np.int32) + columns


def _of_labels(true, labels, num_slots, num_true):
    """Scores that every kind of masks has."""
    return {f"{name}{'_fg' if foreground else ''}": measure(true, labels, num_true, num_slots, foreground)
            for name, measure in (("ari", segmentation.adjusted_rand_index), ("msc", covering.segmentation_covering))
            for foreground in (False, True)}


def _without_empty(per_image):
    """Leaves out the covering of images without anything to cover, and the whole score where there is no other."""
    kept = {name: value[~np.isnan(value)] if name.startswith("msc") else value for name, value in per_image.items()}
    return {name: value for name, value in kept.items() if len(value)}
