"""Scores of a model on a split: the same code for validation during training and for `tfobj.evaluate`."""

import numpy as np
from keras import ops

from tfobj import noise as noises
from tfobj.metrics import segmentation
from tfobj.metrics import slot_statistics
from tfobj.training.arrays import unit_range

THRESHOLD = 0.5
"""Mask above which a pixel belongs to a slot in `ari_thresholded`; elsewhere it is background."""


class Evaluator:
    """Runs a model over an evaluation input and averages per-image values in float64.

    Scores are means over images, `valid` rows only: `ari` and `ari_fg` (Slot Attention, Section 4.1; background
    excluded), `ari_thresholded` (background where no mask exceeds 0.5), the loss terms, `mask_entropy`, `slots_alike`,
    `used_slots`, `dead_slots`, and `num_images`, `num_without_objects`. Without ground truth there is no ARI. Noise is
    drawn per example on the host, so that scores depend neither on the batch size nor on the number of devices.

    Args:
        engine: Engine in whose scope the model was built (see `tfobj.training.engine`).
        model: Built `ObjectModel`.
        evaluation_input: Evaluation input of that engine.
        max_objects: int or None. Most foreground objects of a scene; None where there are no masks.
        noise_seed: int. Defaults to `0`.
        num_slots: int or None. Overrides K.
        num_iterations: int or None. Overrides the number of iterations.
    """

    def __init__(self, engine, model, evaluation_input, max_objects, noise_seed=0, num_slots=None,
                 num_iterations=None):
        self._model, self._input = model, evaluation_input
        self._max_objects = max_objects
        self._overrides = {"num_slots": num_slots, "num_iterations": num_iterations}
        self._noise_seed = noise_seed
        self._mapper = engine.mapper(model, self._values_of, evaluation_input)

    def run(self, report=None):
        """Scores every image.

        Args:
            report: Callable (batches done, batches in all) or None.

        Returns:
            Dict of floats as named above, and `slot_usage`, a list of K floats; `per_image` holds the arrays [N].
        """
        return _summary(collected(self._mapper, self._noise(), self._input.num_batches, report))

    def _noise(self):
        spec = self._model.noise_spec(1, **self._overrides)
        return noises.example_noise(spec, self._noise_seed, range(self._input.num_examples))

    def _values_of(self, batch, noise):
        """Per-image values of one batch."""
        image = unit_range(batch["image"])
        outputs = self._model(image, noise=noise, **self._overrides)
        values = dict(self._model.losses_of(image, outputs))
        values.update(slot_statistics.per_image_statistics(outputs["masks"], outputs["components"]))
        if "mask" in batch and self._max_objects is not None:
            true = self._model.scored_frame(batch["mask"], self._overrides["num_iterations"])
            values.update(self._segmentation_scores(true, outputs["masks"]))
        return {**values, "valid": batch["valid"]}

    def _segmentation_scores(self, true, masks):
        num_true, num_slots = self._max_objects + 1, masks.shape[1]
        labels = segmentation.labels_of(masks)
        thresholded = ops.where(ops.max(masks, axis=1) > THRESHOLD, labels + 1, 0)
        index = segmentation.adjusted_rand_index
        scores = {"ari": index(true, labels, num_true, num_slots),
                  "ari_fg": index(true, labels, num_true, num_slots, ignore_background=True),
                  "ari_thresholded": index(true, thresholded, num_true, num_slots + 1)}
        empty = ops.logical_not(segmentation.has_foreground(true))
        return {**scores, "num_without_objects": ops.cast(empty, "float32")}


def collected(mapper, noise, num_batches, report=None):
    """Runs a mapper over all batches.

    Args:
        mapper: See `tfobj.training.engine`; its function passes on `valid` of the batch.
        noise: Dict of arrays, a row per example.
        num_batches: int.
        report: Callable (batches done, batches in all) or None.

    Returns:
        Dict of arrays [N, ...], what the function returned for the valid rows, in order.
    """
    rows = []
    for number, values in enumerate(mapper.run(noise), start=1):
        rows.append(values)
        if report is not None:
            report(number, num_batches)
    values = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    valid = values.pop("valid").astype(bool)
    return {name: value[valid] for name, value in values.items()}


def _summary(per_image):
    used = per_image.pop("used")  # [N,K]
    usage = used.mean(axis=0, dtype=np.float64)
    scores = {name: float(value.mean(dtype=np.float64)) for name, value in per_image.items()}
    if "num_without_objects" in per_image:
        scores["num_without_objects"] = int(per_image.pop("num_without_objects").sum())
    scores.update(used_slots=float(usage.sum()), dead_slots=int((usage == 0).sum()), num_images=len(used),
                  slot_usage=[float(value) for value in usage], per_image=per_image)
    return scores


def headline(scores):
    """Returns (name, value) of the score that chooses the best checkpoint: foreground ARI, else minus the loss."""
    return ("ari_fg", scores["ari_fg"]) if "ari_fg" in scores else ("-loss", -scores["loss"])
