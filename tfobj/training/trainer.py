"""The run: builds everything in the right order, trains, validates, records, saves, resumes and stops."""

import dataclasses
import json
import time

import keras
import numpy as np

from tfobj import noise as noises
from tfobj import registry
from tfobj import tasks
from tfobj.data import faults
from tfobj.errors import UserError
from tfobj.training import engine as engines
from tfobj.training import evaluation
from tfobj.training import guard_rails
from tfobj.training import run_directory
from tfobj.training.arrays import host_array, unit_range
from tfobj.training.checkpoints import Checkpoints, newest
from tfobj.training.progress import Progress, duration
from tfobj.training.schedules import make_optimizer
from tfobj.training.stop_signals import StopSignals
from tfobj.training.summaries import Summaries

_LOOP_SECONDS = 5.0  # how long one call of the compiled loop may take, so that a stop is heeded in time
_NUM_PICTURES = 6
_TIME_FILE = "training_time.json"


class Trainer:
    """One training run in one run directory. Starting it again resumes it exactly.

    Args:
        experiment: `tfobj.config.ExperimentConfig`.
        run_dir: str or path.

    Raises:
        UserError: the data, the devices, the run directory or the configuration do not fit together.
    """

    def __init__(self, experiment, run_dir):
        self._config = config = experiment.train
        self._engine = engines.make_engine(config)
        self._chief = self._engine.is_chief
        self._check_batches()
        self._source = self._engine.open_source(experiment.data)
        guard_rails.check_frames(experiment, experiment.data, self._source.num_frames)
        guard_rails.check_factors(experiment, experiment.data, self._source)
        described = (run_dir, experiment, self._source.image_shape, self._source.fingerprint())
        self._directory = run_directory.check_run(*described)
        factors = registry.load(registry.model_entry(experiment.model).path).needs_factors
        self._input = self._engine.training_input(self._source, experiment.data, config.batch_size, config.seed,
                                                  factors=factors)
        with self._engine.scope():
            self._model = registry.build_model(experiment.model, experiment.model_config, self._source.image_shape)
            self._optimizer = make_optimizer(config)
            self._optimizer.build(self._model.trainable_variables)
        self._task = tasks.task_of(self._model)
        self._evaluator = self._make_evaluator(experiment)
        resumes = newest(self._directory / "checkpoints") is not None
        self._warnings = [] if resumes else self._model.start_training()
        # Everything fits together: from here on the run exists.
        self._lock = None
        if self._chief:
            run_directory.write_run(*described)
            self._lock = run_directory.lock_run(self._directory)
        self._checkpoints = Checkpoints(self._directory, self._model, self._optimizer, config.keep_checkpoints,
                                        self._chief)
        self._step = self._restore()
        self._saved_step = self._step
        self._summaries = Summaries(self._directory, self._chief)
        self._progress = Progress(self._step, config.num_steps, config.batch_size, quiet=not self._chief)
        self._training = self._engine.training(self._model, self._optimizer, config)
        self._experiment = experiment
        self._earlier_seconds = self._read_seconds()
        self._started = None
        self._stop_signal = None
        self._scores = {}
        self._pictured = None

    def _restore(self):
        """The step at which all workers go on."""
        step = self._checkpoints.restore()
        _, mean = self._engine.agree(False, step)
        if mean != step:
            raise UserError(f"this worker restored step {step} and others did not; --run_dir={self._directory} must "
                            "lie on a file system that all workers share")
        return step

    @property
    def model(self):
        """The model that is trained."""
        return self._model

    def run(self, advise=False):
        """Trains up to `num_steps`.

        Args:
            advise: bool. At the end, also print the command that scores the run. Defaults to `False`.

        Returns:
            Dict of the last validation's scores, with `step` and `train_seconds`, the time of all processes that have
            trained this run so far.

        Raises:
            UserError: a term became NaN or infinite, or a record cannot be read.
        """
        self._announce()
        self._started = time.monotonic()
        try:
            with StopSignals(self._note_signal, self._progress.say), faults.named(self._experiment.data):
                self._train()
        finally:
            self._summaries.close()
            self._checkpoints.close()
            if self._lock is not None:
                self._lock.close()
        self._say_goodbye(advise)
        return {**self._scores, "step": self._step, "train_seconds": self._seconds()}

    # === The loop ===

    def _train(self):
        config = self._config
        if self._step >= config.num_steps:
            return
        steps = self._training.start(self._input, self._step)
        try:
            self._loop(steps)
        finally:
            steps.close()

    def _loop(self, steps):
        config = self._config
        while self._step < config.num_steps and not self._stop_signal:
            wanted = self._steps_to_next_event()
            started = time.monotonic()
            done, mean, last = steps.run(wanted)
            self._step += done
            self._refuse_not_finite(last)
            self._agree(done, time.monotonic() - started)
            self._after_loop(mean)
        self._save()

    def _steps_to_next_event(self):
        config = self._config
        limit = config.steps_per_loop
        if self._progress.seconds_per_step:
            limit = min(limit, max(1, int(_LOOP_SECONDS / self._progress.seconds_per_step)))
        else:
            limit = min(limit, 2)  # the first call compiles; it is not a measure of speed
        every = (config.log_every, config.validate_every, config.picture_every, config.checkpoint_every)
        return min(limit, config.num_steps - self._step, *(period - self._step % period for period in every))

    def _agree(self, done, seconds):
        """Counts time, and makes all workers agree on it and on whether to stop."""
        stop, seconds = self._engine.agree(bool(self._stop_signal), seconds)
        if stop:
            self._stop_signal = self._stop_signal or "a signal to another worker"
        self._progress.count(done, seconds)

    def _after_loop(self, mean):
        config, step = self._config, self._step
        if self._due(config.log_every):
            rate = float(host_array(self._optimizer.learning_rate))
            self._summaries.scalars("train", step, {
                **mean, "learning_rate": rate, "images_per_second": self._progress.images_per_second})
        if self._due(config.validate_every):
            self._validate()
        if self._due(config.picture_every):
            self._draw()
        if self._due(config.checkpoint_every):  # last, so that a resumed run never skips a validation
            self._save()
        shown = {"loss": mean["loss"]}
        if self._scores:
            name, value = self._task.headline(self._scores)
            shown.update({} if name.startswith("-") else {name: value})
        self._progress.show(step, shown, force=step == config.num_steps)

    def _due(self, period):
        return self._step % period == 0 or self._step == self._config.num_steps

    def _refuse_not_finite(self, last):
        bad = [name for name, value in last.items() if not np.isfinite(value)]
        if bad:
            saved = self._checkpoints.latest or "none"
            raise UserError(f"training stopped at step {self._step - 1}: {bad[0]} is {last[bad[0]]}; the last good "
                            f"checkpoint is {saved}; lower --learning_rate, set --clip_norm, or use "
                            "--precision=float32")

    # === Validation, pictures, checkpoints ===

    def _make_evaluator(self, experiment):
        config = self._config
        if not config.validation_examples:
            return None
        self._validation_input = self._engine.evaluation_input(
            self._source, experiment.data, "validation", config.validation_examples, config.eval_batch_size,
            factors=self._model.needs_factors)
        return evaluation.Evaluator(self._engine, self._model, self._validation_input,
                                    self._source.max_objects if self._source.has_masks else None)

    def _validate(self):
        if self._evaluator is None:
            return
        scores = self._evaluator.run()
        scores.pop("per_image")
        scores["missing_slots"] = self._missing_slots()
        self._scores = scores
        self._summaries.scalars("validation", self._step, scores)
        name, value = self._task.headline(scores)
        better = self._checkpoints.save_best(self._step, value, name)
        shown = "  ".join(f"{key} {scores[key]:.4g}" for key in self._task.SHOWN if key in scores)
        self._progress.say(f"validation at step {self._step}  {shown}{'  (best so far)' if better else ''}")
        if self._step > self._config.warmup_steps:  # before, slots are alike by design
            for warning in self._task.after_validation(scores):
                self._progress.say(f"warning: {warning}")

    def _draw(self):
        if self._evaluator is None or not self._chief:
            return
        if self._pictured is None:
            self._pictured = self._validation_input.examples(_NUM_PICTURES)
        batch = self._pictured
        noise = noises.example_noise(self._model.noise_spec(1), 0, range(len(batch["image"])))
        outputs = self._engine.outputs(self._model, unit_range(batch["image"]), noise)
        self._summaries.pictures(self._step, self._task.pictures(self._model, batch, outputs))

    def _save(self):
        if self._saved_step != self._step:
            self._checkpoints.save(self._step)
            self._saved_step = self._step
            if self._chief:
                run_directory.write_json(self._directory / _TIME_FILE, {"seconds": self._seconds()})

    def _seconds(self):
        """Seconds that this and earlier processes have trained."""
        return self._earlier_seconds + (time.monotonic() - self._started if self._started else 0.0)

    def _read_seconds(self):
        path = self._directory / _TIME_FILE
        try:
            return float(json.loads(path.read_text())["seconds"]) if path.exists() else 0.0
        except (ValueError, KeyError, TypeError):
            return 0.0

    # === Beginning and end ===

    def _check_batches(self):
        replicas = self._engine.num_replicas
        for name in ("batch_size", "eval_batch_size"):
            if getattr(self._config, name) % replicas:
                raise UserError(f"--{name}={getattr(self._config, name)} cannot be shared by {replicas} devices; "
                                f"use a multiple of {replicas}")

    def _announce(self):
        experiment, config = self._experiment, self._config
        weights = sum(int(np.prod(variable.shape)) for variable in self._model.trainable_variables)
        self._progress.say(
            f"{experiment.model} ({weights:,} weights) on {experiment.data.dataset} {self._source.image_shape}, "
            f"{self._input.num_examples:,} training images, batch {config.batch_size} on "
            f"{self._engine.describe()}, {config.precision}; run directory {self._directory}")
        if self._engine.warning():
            self._progress.say(f"warning: {self._engine.warning()}")
        if self._step:
            self._progress.say(f"resuming at step {self._step}")
        num_slots, dataset = self._model.num_slots, experiment.data.dataset
        for warning in [*self._warnings, *self._task.before_training(self._missing_slots(), num_slots, dataset)]:
            self._progress.say(f"warning: {warning}")
        self._summaries.start(self._step, {
            "model": experiment.model, "model_config": dataclasses.asdict(experiment.model_config),
            "data": dataclasses.asdict(experiment.data), "train": dataclasses.asdict(config)})

    def _missing_slots(self):
        """Slots that the fullest scene would need beyond the model's; 0 if unknown."""
        if self._source.max_objects is None:
            return 0
        limit = self._experiment.data.max_objects or self._source.max_objects
        return self._task.missing_slots(self._model.num_slots, min(self._source.max_objects, limit))

    def _note_signal(self, name):
        self._stop_signal = name

    def _say_goodbye(self, advise):
        if self._stop_signal and self._step < self._config.num_steps:
            self._progress.say(f"stopped by {self._stop_signal} at step {self._step}; saved in "
                               f"{self._checkpoints.latest}; start the same command again to resume")
        else:
            self._progress.say(f"done: step {self._step} after {duration(self._seconds())} of training; "
                               f"run directory {self._directory}")
            if advise:
                backend = "KERAS_BACKEND=jax " if keras.backend.backend() == "jax" else ""
                self._progress.say(f"score it: {backend}python -m tfobj.evaluate --run_dir={self._directory}")
