"""Scores of a model on a split: the same code for validation during training and for `tfobj.evaluate`."""

import numpy as np

from tfobj import noise as noises
from tfobj import tasks
from tfobj.training.arrays import unit_range


class Evaluator:
    """Runs a model over an evaluation input and scores it by its task, see `tfobj.tasks`.

    Scores are over `valid` rows only. Noise is drawn per example on the host, so that scores depend neither on the
    batch size nor on the number of devices.

    Args:
        engine: Engine in whose scope the model was built (see `tfobj.training.engine`).
        model: Built `SlotModel`.
        evaluation_input: Evaluation input of that engine; with the factors of the objects, where the model's loss takes
            them.
        max_objects: int or None. Most foreground objects of a scene; None where there are no masks.
        noise_seed: int. Defaults to `0`.
        num_slots: int or None. Overrides K.
        num_iterations: int or None. Overrides the number of iterations.
    """

    def __init__(self, engine, model, evaluation_input, max_objects, noise_seed=0, num_slots=None,
                 num_iterations=None):
        self._model, self._input, self._task = model, evaluation_input, tasks.task_of(model)
        self._max_objects = max_objects
        self._overrides = {"num_slots": num_slots, "num_iterations": num_iterations}
        self._noise_seed = noise_seed
        self._mapper = engine.mapper(model, self._values_of, evaluation_input)

    def run(self, report=None):
        """Scores every image.

        Args:
            report: Callable (batches done, batches in all) or None.

        Returns:
            Dict of the scores that the task names; `per_image` holds the arrays [N, ...] from which they are.

        Raises:
            UserError: the data say nothing that could be scored.
        """
        per_image = collected(self._mapper, self._noise(), self._input.num_batches, report)
        return {**self._task.summary(per_image), "per_image": per_image}

    def _noise(self):
        spec = self._model.noise_spec(1, **self._overrides)
        return noises.example_noise(spec, self._noise_seed, range(self._input.num_examples))

    def _values_of(self, batch, noise):
        """Per-image values of one batch."""
        image = unit_range(batch["image"])
        outputs = self._model(image, noise=noise, **self._overrides)
        is_known = "objects" in batch or not self._model.needs_factors
        target = self._model.target_of(image, batch) if is_known else None
        terms = self._model.losses_of(target, outputs) if is_known else {}
        shown = {name: self._model.scored_frame(value, self._overrides["num_iterations"]) if name in ("image", "mask")
                 else value for name, value in batch.items()}
        values = self._task.values_of(shown, outputs, target, self._max_objects)
        return {**terms, **values, "valid": batch["valid"]}


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
