"""A trained model together with the data on which it is examined: what scores and analyses of a run start from."""

import dataclasses
import functools

from tfobj import noise as noises
from tfobj import visualisation
from tfobj.data import faults
from tfobj.errors import UserError
from tfobj.training import engine as engines
from tfobj.training import evaluation
from tfobj.training import evaluation_data
from tfobj.training import guard_rails
from tfobj.training import run_directory
from tfobj.training.arrays import unit_range


@dataclasses.dataclass(frozen=True)
class Settings:
    """Which weights are examined on what.

    Attributes:
        run_dir: str or path.
        split: str, `train`, `validation` or `test`.
        num_examples: int. The first N examples of the split after the run's filters; 0 for all.
        checkpoint: str, `best` or `latest`.
        num_slots: int or None. Overrides K.
        num_iterations: int or None. Overrides the number of iterations.
        noise_seed: int.
        batch_size: int. Has no influence on the results.
        data_dir: str or None. Where the prepared data is now; None: where it was in training.
        image_dir: str or None. The same for a folder of pictures.
        changes: dict from field of `DataConfig` to its value, where it is to differ from training: another data set
            or variant, another filter. Images must have the shape that the model was built for.
        model_changes: The same for the fields of the model's configuration that may change at test time.
    """

    run_dir: object
    split: str = "test"
    num_examples: int = 320
    checkpoint: str = "best"
    num_slots: int = None
    num_iterations: int = None
    noise_seed: int = 0
    batch_size: int = 32
    data_dir: str = None
    image_dir: str = None
    changes: dict = None
    model_changes: dict = None


class OpenedRun:
    """The model of a run with its weights, and a data set.

    Attributes:
        settings: `Settings`.
        config: `tfobj.config.ExperimentConfig` of the run.
        model: `ObjectModel` with its weights.
        engine: See `tfobj.training.engine`.
        data_config: `DataConfig` of the data.
        source: See `tfobj.data.source`.

    Args:
        settings: `Settings`.

    Raises:
        UserError: no run, no data, or other data than in training.
    """

    def __init__(self, settings):
        self.settings = settings
        self._run = run_directory.load_run(settings.run_dir, settings.checkpoint, settings.model_changes)
        self.config, self.model = self._run.config, self._run.model
        if settings.num_iterations is not None and not hasattr(self.config.model_config, "num_iterations"):
            raise UserError(f"--num_iterations={settings.num_iterations}: --model={self.config.model} has no iterations; "
                            "leave it out")
        changes = {**(settings.changes or {}), "data_dir": settings.data_dir, "image_dir": settings.image_dir}
        self.data_config = evaluation_data.changed(self.config.data, changes)
        self.engine = engines.single_device_engine()
        self.source = self.engine.open_source(self.data_config)
        evaluation_data.check_source(self._run, self.data_config, self.source)

    @property
    def max_objects(self):
        """int, most foreground objects of a scene; None where there are no masks."""
        return self.source.max_objects if self.source.has_masks else None

    @functools.cached_property
    def examples(self):
        """The evaluation input that the settings describe."""
        return self.inputs(self.settings.split, self.settings.num_examples)

    def example(self, index):
        """The example at a position (int) as a batch of one, a dict of arrays [1, ...].

        Raises:
            UserError: there are not so many.
        """
        if index >= self.examples.num_examples:
            raise UserError(f"--image_index={index} but there are {self.examples.num_examples} images, counted from 0; "
                            "use a smaller one, or raise --num_examples")
        return {name: values[-1:] for name, values in self.examples.examples(index + 1).items()}

    def shown(self, batch, **overrides):
        """Images and masks of a batch, of sequences those of the frame that the outputs describe.

        Args:
            batch: Dict with `image` and perhaps `mask`.
            **overrides: As for `scores`.

        Returns:
            Dict with the same names.
        """
        num_iterations = self.overrides(**overrides)["num_iterations"]
        return {name: self.model.scored_frame(batch[name], num_iterations)
                for name in ("image", "mask") if name in batch}

    def inputs(self, split, num_examples, **filters):
        """An evaluation input over the first examples of a split after the filters; 0: all of them.

        Args:
            split: str.
            num_examples: int.
            **filters: Fields of `DataConfig` that filter, where other than those of the run.
        """
        factors = self.model.needs_factors and guard_rails.says_properties(self.source)
        return self.engine.evaluation_input(self.source, dataclasses.replace(self.data_config, **filters), split,
                                            num_examples, self.settings.batch_size, factors=factors,
                                            frame_masks=self.model.needs_factors)

    def scores(self, report=None, evaluation_input=None, **overrides):
        """Scores of the examples, see `tfobj.training.evaluation.Evaluator.run`.

        Args:
            report: Callable (batches done, batches in all) or None.
            evaluation_input: See `inputs`. None: `examples`.
            **overrides: `num_slots`, `num_iterations`, where other than in the settings.
        """
        evaluator = evaluation.Evaluator(self.engine, self.model, evaluation_input or self.examples, self.max_objects,
                                         self.settings.noise_seed, **self.overrides(**overrides))
        with faults.named(self.data_config):
            return evaluator.run(report)

    def map(self, function, evaluation_input=None, report=None, **overrides):
        """Computes values of images, batch by batch, on the device.

        Args:
            function: Callable (batch, outputs of the model) that returns a dict of tensors [B, ...].
            evaluation_input: See `inputs`. None: `examples`.
            report: Callable (batches done, batches in all) or None.
            **overrides: As for `scores`.

        Returns:
            Dict of arrays [N, ...], one row per example.
        """
        evaluation_input, overrides = evaluation_input or self.examples, self.overrides(**overrides)

        def values_of(batch, noise):
            outputs = self.model(unit_range(batch["image"]), noise=noise, **overrides)
            return {**function(batch, outputs), "valid": batch["valid"]}

        mapper = self.engine.mapper(self.model, values_of, evaluation_input)
        noise = self.noise(range(evaluation_input.num_examples), overrides)
        with faults.named(self.data_config):
            return evaluation.collected(mapper, noise, evaluation_input.num_batches, report)

    def outputs(self, image, indices):
        """What the model makes of some images.

        Args:
            image: uint8 or float [B,H,W,C], as in a batch of the data.
            indices: Sequence of int, the positions of the images among the examples, from which their noise follows.

        Returns:
            Dict of arrays, see `ObjectModel.call`.
        """
        overrides = self.overrides()
        return self.engine.outputs(self.model, unit_range(image), self.noise(indices, overrides), **overrides)

    def noise(self, indices, overrides, seed=None):
        """The noise of examples at some positions, dict of arrays; `seed` defaults to that of the settings."""
        seed = self.settings.noise_seed if seed is None else seed
        return noises.example_noise(self.model.noise_spec(1, **overrides), seed, indices)

    def about(self):
        """What a result is of: dict of JSON values."""
        settings, data = self.settings, self.data_config
        overrides = self.overrides()
        filters = {name: getattr(data, name)
                   for name in ("min_objects", "max_objects", "exclude_objects", "require_objects")}
        return {"run_dir": str(self._run.directory), "model": self.config.model, "step": self._run.step,
                "checkpoint": settings.checkpoint, "data": evaluation_data.name(data), "filters": filters,
                "split": settings.split, "noise_seed": settings.noise_seed,
                "model_changes": settings.model_changes or {},
                "num_slots": overrides["num_slots"] or self.model.num_slots,
                "num_iterations": getattr(self.config.model_config, "num_iterations", None)
                if overrides["num_iterations"] is None else overrides["num_iterations"],
                "data_fingerprint": self.source.fingerprint()}

    def write(self, name, result, picture, **own):
        """Writes a result as JSON and PNG into the run directory.

        What differs from the default goes into the names of the files, so that no other result passes for it.

        Args:
            name: str. How the file names start.
            result: Dict of JSON values.
            picture: uint8 [height, width, 3].
            **own: Further parts of the file name, label = (value, default).

        Returns:
            Tuple of paths.

        Raises:
            UserError: the directory cannot be written; the message holds the result.
        """
        settings = self.settings
        changed = {name: (value, None) for name, value in (settings.model_changes or {}).items()}
        suffix = _suffix(split=(settings.split, "test"), checkpoint=(settings.checkpoint, "best"),
                         n=(settings.num_examples, 320), K=(settings.num_slots, None),
                         T=(settings.num_iterations, None), seed=(settings.noise_seed, 0), **changed, **own)
        stem = f"{name}{evaluation_data.suffix(self.config.data, self.data_config)}{suffix}"
        paths = self._run.directory / f"{stem}.json", self._run.directory / f"{stem}.png"
        try:
            run_directory.write_json(paths[0], result)
            visualisation.save_png(str(paths[1]), picture)
        except OSError as error:
            raise UserError(f"--run_dir={settings.run_dir} cannot be written: {error.strerror}; the result is: "
                            f"{result}") from None
        return paths

    def overrides(self, **changes):
        """Arguments of a call of the model: `num_slots` and `num_iterations` of the settings, with changes."""
        return {"num_slots": self.settings.num_slots, "num_iterations": self.settings.num_iterations, **changes}


def _suffix(**settings):
    """Names what differs from the papers' protocol: e.g. `_K6_T5`."""
    names = {"split": "", "checkpoint": ""}
    return "".join(f"_{names.get(name, name)}{value}" for name, (value, usual) in settings.items() if value != usual)
