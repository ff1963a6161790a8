"""What a run shows of its model while it trains."""

from tfobj import noise as noises
from tfobj import tasks
from tfobj.models.scene_prior import ScenePrior
from tfobj.scene_grid import scene_grid
from tfobj.training.arrays import unit_range

_NUM_PICTURES = 6


class Pictures:
    """What a model makes of the first validation images and, where it has a prior over scenes, some scenes: always of
    the same noise, so that pictures of different steps compare.

    Args:
        engine: See `tfobj.training.engine`.
        model: Built model.
        validation_input: Evaluation input of the engine.
    """

    def __init__(self, engine, model, validation_input):
        self._engine, self._model, self._task = engine, model, tasks.task_of(model)
        self._batch = validation_input.examples(_NUM_PICTURES)
        self._sample = engine.compiled(model.sample, model) if isinstance(model, ScenePrior) else None

    def draw(self):
        """Returns a dict from name to uint8 [height, width, 3]."""
        images = self._batch["image"]
        outputs = self._engine.outputs(self._model, unit_range(images), self._noise(self._model.noise_spec(1)))
        grids = self._task.pictures(self._model, self._batch, outputs)
        if self._sample is not None:
            scenes = self._sample(self._noise(self._model.sample_noise_spec(1)))
            grids["samples"] = scene_grid(scenes, self._model.background_slot)
        return grids

    def _noise(self, spec):
        return noises.example_noise(spec, 0, range(len(self._batch["image"])))
