"""Scores of a model on a split: the same code for validation during training and for `tfobj.evaluate`."""

import numpy as np
import tensorflow as tf

from tfobj import noise as noises
from tfobj.metrics import segmentation
from tfobj.metrics import slot_statistics
from tfobj.training.step import unit_range

THRESHOLD = 0.5
"""Mask above which a pixel belongs to a slot in `ari_thresholded`; elsewhere it is background."""


class Evaluator:
    """Runs a model over an evaluation input and averages per-image values in float64.

    Scores are means over images, `valid` rows only: `ari` and `ari_fg` (Slot Attention, Section 4.1; background
    excluded), `ari_thresholded` (background where no mask exceeds 0.5), the loss terms, `mask_entropy`, `slots_alike`,
    `used_slots`, `dead_slots`, and `num_images`, `num_without_objects`. Without ground truth there is no ARI. Noise is
    drawn per example on the host, so that scores depend neither on the batch size nor on the number of devices.

    Args:
        model: Built `ObjectModel`.
        strategy: `tf.distribute.Strategy` in whose scope the model was built.
        evaluation_input: `tfobj.data.pipeline.EvaluationInput`.
        max_objects: int or None. Most foreground objects of a scene; None where there are no masks.
        noise_seed: int. Defaults to `0`.
        num_slots: int or None. Overrides K.
        num_iterations: int or None. Overrides the number of iterations.
    """

    def __init__(self, model, strategy, evaluation_input, max_objects, noise_seed=0, num_slots=None,
                 num_iterations=None):
        self._model, self._strategy, self._input = model, strategy, evaluation_input
        self._max_objects = max_objects
        self._overrides = {"num_slots": num_slots, "num_iterations": num_iterations}
        self._noise_seed = noise_seed
        self._run_batch = tf.function(self._run_batch_of, autograph=False)
        self._dataset = None

    def run(self, report=None):
        """Scores every image.

        Args:
            report: Callable (batches done, batches in all) or None.

        Returns:
            Dict of floats as named above, and `slot_usage`, a list of K floats; `per_image` holds the arrays [N].
        """
        rows = []
        noise = self._noise()
        for number, batch in enumerate(self._batches(), start=1):
            rows.append({name: value.numpy() for name, value in self._run_batch(batch, noise).items()})
            if report is not None:
                report(number, self._input.num_batches)
        values = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        valid = values.pop("valid").astype(bool)
        return _summary({name: value[valid] for name, value in values.items()})

    def _batches(self):
        if self._dataset is None:
            self._dataset = self._strategy.distribute_datasets_from_function(lambda context: self._input.dataset(
                num_shards=context.num_input_pipelines, shard_index=context.input_pipeline_id,
                replicas_per_shard=context.num_replicas_in_sync // context.num_input_pipelines))
        return self._dataset

    def _noise(self):
        spec = self._model.noise_spec(1, self._overrides["num_slots"])
        drawn = noises.example_noise(spec, self._noise_seed, range(self._input.num_examples))
        return {name: tf.constant(value) for name, value in drawn.items()}

    def _run_batch_of(self, batch, noise):
        values = self._strategy.run(self._values_of, (batch, noise))
        if _is_multi_worker(self._strategy):
            return {name: self._strategy.gather(value, axis=0) for name, value in values.items()}
        return {name: tf.concat(self._strategy.experimental_local_results(value), axis=0)
                for name, value in values.items()}

    def _values_of(self, batch, noise):
        """Per-image values of one replica's batch."""
        rows = {name: tf.gather(table, batch["index"]) for name, table in noise.items()}
        image = unit_range(batch["image"])
        outputs = self._model(image, noise=rows, **self._overrides)
        values = dict(self._model.losses_of(image, outputs))
        values.update(slot_statistics.per_image_statistics(outputs["masks"], outputs["components"]))
        if "mask" in batch and self._max_objects is not None:
            values.update(self._segmentation_scores(batch["mask"], outputs["masks"]))
        return {**values, "valid": tf.cast(batch["valid"], tf.int32)}  # gathering takes no booleans

    def _segmentation_scores(self, true, masks):
        num_true, num_slots = self._max_objects + 1, masks.shape[1]
        labels = segmentation.labels_of(masks)
        thresholded = tf.where(tf.reduce_max(masks, axis=1) > THRESHOLD, labels + 1, 0)
        index = segmentation.adjusted_rand_index
        scores = {"ari": index(true, labels, num_true, num_slots),
                  "ari_fg": index(true, labels, num_true, num_slots, ignore_background=True),
                  "ari_thresholded": index(true, thresholded, num_true, num_slots + 1)}
        empty = tf.logical_not(segmentation.has_foreground(true))
        return {**{name: tf.cast(value, tf.float64) for name, value in scores.items()},
                "num_without_objects": tf.cast(empty, tf.float64)}


def _is_multi_worker(strategy):
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


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
