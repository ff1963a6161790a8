"""Properties of all objects, learned from labelled images. See `tfobj.tasks`."""

import numpy as np
from keras import ops

from tfobj import properties
from tfobj import visualisation
from tfobj.data import resizing
from tfobj.errors import UserError
from tfobj.metrics import average_precision
from tfobj.metrics import segmentation
from tfobj.set_grid import set_grid

_NUM_ATTENTION_PICTURES = 2  # one line per image and iteration


PRECISIONS = tuple("ap_inf" if threshold == -1 else f"ap_{threshold:g}" for threshold in average_precision.THRESHOLDS)
"""Names of the average precision at each of the paper's distances."""


def precisions(predictions, targets):
    """Average precision of sets, dict from name to float; arguments as of `average_precision.average_precision`."""
    values = average_precision.average_precision(predictions, targets)
    return {name: float(value) for name, value in zip(PRECISIONS, values)}


class SetPrediction:
    """Scores: the average precision over all images at each of the paper's distances, `ap_inf` to `ap_0.125`, and their
    mean, `ap_mean`, which chooses the best checkpoint, as no single one tells early and late in training; the means of
    the terms of the loss; `num_images` and `num_objects`; where there are masks and attention, `attention_ari_fg`,
    the foreground Rand index of the last iteration's attention, at its size (Slot Attention, Section 4.2). Of data that
    do not say what the objects are, only the latter."""

    SHOWN = ("loss", "ap_inf", "ap_1", "ap_0.5")
    TABLE = (
        ("ap_inf", "average precision, any distance"), ("ap_1", "average precision, distance < 1"),
        ("ap_0.5", "distance < 0.5"), ("ap_0.25", "distance < 0.25"), ("ap_0.125", "distance < 0.125"),
        ("ap_mean", "mean of these five"),
        ("attention_ari_fg", "adjusted Rand index of the attention, foreground"), ("loss", "training loss"),
        ("num_objects", "objects in all images"))

    def values_of(self, batch, outputs, target, max_objects):
        """See `tfobj.tasks`; the values of set prediction are mainly the sets."""
        values = {} if target is None else {"predictions": outputs["predictions"], "targets": target}
        if "attention" in outputs and "mask" in batch and max_objects is not None:
            attention = outputs["attention"][:, -1]  # [B,K,h,w]
            # Resized once: from the frame, not from what the model saw.
            true = _nearest(batch.get("frame_mask", batch["mask"]), attention.shape[2:])
            values["attention_ari_fg"] = segmentation.adjusted_rand_index(
                true, attention, max_objects + 1, ignore_background=True)
        return values

    def summary(self, per_image):
        """See `tfobj.tasks`.

        Raises:
            UserError: the data say nothing that could be scored.
        """
        sets = ("predictions", "targets")
        scores = {name: float(value.mean(dtype=np.float64)) for name, value in per_image.items() if name not in sets}
        if "targets" in per_image:
            predictions, targets = (per_image[name] for name in sets)
            scores["num_objects"] = int(np.count_nonzero(targets[..., properties.PRESENCE]))
            if not scores["num_objects"]:
                raise UserError(f"the properties of the objects of these {len(targets)} images are not known (those of "
                                "CLEVR's released test split are not); score another --split")
            values = precisions(predictions, targets)
            scores.update(values, ap_mean=float(np.mean(list(values.values()))))
        if not scores:
            raise UserError("these data have neither the properties of objects nor masks that the model's attention "
                            "could be compared with; choose another --dataset")
        return {**scores, "num_images": len(next(iter(per_image.values())))}

    def headline(self, scores):
        """Mean of the average precisions."""
        return "ap_mean", scores["ap_mean"]

    def missing_slots(self, num_slots, max_objects):
        """Every object needs one."""
        return max(0, max_objects - num_slots)

    def before_training(self, missing_slots, num_slots, dataset):
        """Warns when there are fewer slots than objects."""
        if not missing_slots:
            return []
        wanted = num_slots + missing_slots
        return [f"num_slots={num_slots}, but {dataset} shows up to {wanted} objects: the loss leaves some out; use "
                f"--num_slots={wanted}, or --max_objects={num_slots}"]

    def after_validation(self, scores):
        """There is nothing to warn about."""
        del scores
        return []

    def pictures(self, model, batch, outputs, num_iterations=None):
        """Every object with its properties and, where the data say it, the true ones; attention of each iteration."""
        images = model.scored_frame(batch["image"], num_iterations)
        targets = pairs = None
        if "objects" in batch:
            targets = ops.convert_to_numpy(model.target_of(images, batch))
            pairs = ops.convert_to_numpy(model.pairs(targets, outputs["predictions"]))[:, :targets.shape[1]]
        attention = outputs.get("attention")
        grids = {"objects": set_grid(images, outputs["predictions"], targets, pairs, attention)}
        if attention is not None:
            few = slice(_NUM_ATTENTION_PICTURES)
            grids["attention"] = visualisation.attention_grid(images[few], attention[few])
        return grids


def _nearest(masks, size):
    """Label maps [B,H,W] at another size (h, w), by nearest neighbour."""
    for axis, new in enumerate(size, start=1):
        masks = ops.take(masks, resizing.nearest_indices(masks.shape[axis], new), axis=axis)
    return masks
