"""The run: builds everything in the right order, trains, validates, records, saves, resumes and stops."""

import dataclasses
import time

import keras
import numpy as np

from tfobj import registry
from tfobj import tasks
from tfobj.data import faults
from tfobj.errors import UserError
from tfobj.training import engine as engines
from tfobj.training import evaluation
from tfobj.training import guard_rails
from tfobj.training import phases as training_phases
from tfobj.training import precomputed
from tfobj.training import run_directory
from tfobj.training.arrays import host_array
from tfobj.training.checkpoints import newest, newest_step
from tfobj.training.pictures import Pictures
from tfobj.training.progress import Progress, duration
from tfobj.training.stage import Stage
from tfobj.training.stop_signals import StopSignals
from tfobj.training.summaries import Summaries
from tfobj.training.training_time import TrainingTime

_LOOP_SECONDS = 5.0  # how long one call of the compiled loop may take, so that a stop is heeded in time


class Trainer:
    """One training run in one run directory. Starting it again resumes it exactly.

    Args:
        experiment: `tfobj.config.ExperimentConfig`.
        run_dir: str or path.

    Raises:
        UserError: the data, the devices, the run directory or the configuration do not fit together.
    """

    def __init__(self, experiment, run_dir):
        experiment = dataclasses.replace(experiment, train=training_phases.with_num_steps(experiment.train))
        self._experiment, self._config = experiment, experiment.train
        self._engine = engines.make_engine(self._config)
        self._chief = self._engine.is_chief
        self._phases = training_phases.phases_of(self._config)
        model_class = registry.load(registry.model_entry(experiment.model).path)
        training_phases.check_names(self._config, experiment.model, model_class.phases, model_class.precomputable)
        guard_rails.check_batches(self._phases, self._config.eval_batch_size, self._engine.num_replicas)
        self._source = self._engine.open_source(experiment.data)
        guard_rails.check_frames(experiment, experiment.data, self._source.num_frames)
        guard_rails.check_factors(experiment, experiment.data, self._source)
        described = (run_dir, experiment, self._source.image_shape, self._source.fingerprint())
        self._directory = run_directory.check_run(*described)
        self._inputs = self._make_inputs(model_class.needs_factors)
        self._num_images = next(iter(self._inputs.values())).num_examples
        with self._engine.scope():
            self._model = registry.build_model(experiment.model, experiment.model_config, self._source.image_shape)
        self._num_weights = sum(int(np.prod(variable.shape)) for variable in self._model.trainable_variables)
        guard_rails.check_compilation(self._model, self._config.jit_compile, self._engine.num_replicas)
        self._task = tasks.task_of(self._model)
        self._make_validation_input()
        saved = self._directory / "checkpoints"
        guard_rails.check_length(newest_step(saved), self._config)
        self._warnings = [] if newest(saved) else self._model.start_training()
        self._stage = None
        self._enter(training_phases.phase_before(self._phases, newest_step(saved)))
        if any(phase.precompute and phase.end > newest_step(saved) for phase in self._phases):
            precomputed.check_space(self._model, self._num_images, self._directory)
        # Everything fits together: from here on the run exists.
        self._lock = None
        if self._chief:
            run_directory.write_run(*described)
            self._lock = run_directory.lock_run(self._directory)
        self._step = self._saved_step = self._restore()
        self._summaries = Summaries(self._directory, self._chief)
        self._progress = Progress(self._step, self._config.num_steps, self._config.batch_size, quiet=not self._chief)
        self._time = TrainingTime(self._directory)
        self._stop_signal = None
        self._scores = {}
        self._pictures = None

    def _make_inputs(self, factors):
        """Training inputs, dict from batch size."""
        sizes = {phase.config.batch_size for phase in self._phases}
        return {size: self._engine.training_input(self._source, self._experiment.data, size, self._config.seed,
                                                  factors=factors) for size in sorted(sizes)}

    def _enter(self, phase):
        """Makes a phase the one that is trained."""
        self._stage = Stage(self._engine, self._model, phase, self._inputs[phase.config.batch_size], self._directory,
                            self._stage)
        # Anew, because what the model computes may depend on the phase.
        self._evaluator = evaluation.Evaluator(
            self._engine, self._model, self._validation_input,
            self._source.max_objects if self._source.has_masks else None) if self._validation_input else None

    def _restore(self):
        """The step at which all workers go on."""
        step = self._stage.restore()
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
            UserError: a term became NaN, infinite or too large, or a record cannot be read.
            KeyboardInterrupt: a signal came before the first step, so there is nothing to save.
        """
        self._announce()
        self._time.start()
        try:
            with StopSignals(self._note_signal, self._progress.say), faults.named(self._experiment.data):
                self._train()
        finally:
            self._summaries.close()
            self._stage.checkpoints.close()
            if self._lock is not None:
                self._lock.close()
        if self._stop_signal and self._stage.checkpoints.latest is None:
            raise KeyboardInterrupt
        self._say_goodbye(advise)
        return {**self._scores, "step": self._step, "train_seconds": self._time.seconds}

    # === The loop ===

    def _train(self):
        while self._step < self._config.num_steps and not self._stop_signal:
            if self._step == self._stage.phase.end:
                self._enter(training_phases.phase_at(self._phases, self._step))
            self._announce_phase()
            if not self._stage.precompute(self._source, self._experiment.data, lambda: self._stop_signal,
                                          self._progress.say):
                self._stop_signal = self._stop_signal or "a signal to another worker"
                break
            steps = self._stage.start(self._step)
            try:
                self._loop(steps)
            finally:
                steps.close()
        if self._step == self._config.num_steps:
            self._stage.tidy()

    def _loop(self, steps):
        while self._step < self._stage.phase.end and not self._stop_signal:
            wanted = self._steps_to_next_event()
            started = time.monotonic()
            done, mean, last = steps.run(wanted)
            self._step += done
            guard_rails.refuse_sick(self._step - 1, last, self._model.term_limits, self._stage.checkpoints.latest)
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
        return min(limit, self._stage.phase.end - self._step, *(period - self._step % period for period in every))

    def _agree(self, done, seconds):
        """Counts time, and makes all workers agree on it and on whether to stop."""
        stop, seconds = self._engine.agree(bool(self._stop_signal), seconds)
        if stop:
            self._stop_signal = self._stop_signal or "a signal to another worker"
        self._progress.count(done, seconds)

    def _after_loop(self, mean):
        config, step = self._config, self._step
        if self._due(config.log_every):
            phase = {"phase": self._phases.index(self._stage.phase)} if self._config.phases else {}
            self._summaries.scalars("train", step, {
                **mean, "learning_rate": float(host_array(self._stage.learning_rate)), **phase,
                "images_per_second": self._progress.images_per_second})
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
        return self._step % period == 0 or self._step == self._stage.phase.end

    # === Validation, pictures, checkpoints ===

    def _make_validation_input(self):
        config = self._config
        self._validation_input = self._engine.evaluation_input(
            self._source, self._experiment.data, "validation", config.validation_examples, config.eval_batch_size,
            factors=self._model.needs_factors,
            frame_masks=self._model.needs_factors) if config.validation_examples else None

    def _validate(self):
        if self._evaluator is None:
            return
        scores = self._evaluator.run()
        scores.pop("per_image")
        scores["missing_slots"] = self._missing_slots()
        self._scores = scores
        self._summaries.scalars("validation", self._step, scores)
        name, value = self._task.headline(scores)
        judged, stage = self._model.is_judged, self._stage
        better = judged and stage.checkpoints.save_best(self._step, value, name)
        shown = "  ".join(f"{key} {scores[key]:.4g}" for key in self._task.SHOWN if key in scores)
        self._progress.say(f"validation at step {self._step}  {shown}{'  (best so far)' if better else ''}")
        # During the warm-up, slots are alike by design.
        if judged and self._step - stage.phase.schedule_start > stage.phase.config.warmup_steps:
            for warning in self._task.after_validation(scores):
                self._progress.say(f"warning: {warning}")

    def _draw(self):
        if self._evaluator is None or not self._chief:
            return
        if self._pictures is None:
            self._pictures = Pictures(self._engine, self._model, self._validation_input)
        self._summaries.pictures(self._step, self._pictures.draw())

    def _save(self):
        if self._saved_step != self._step:
            self._stage.checkpoints.save(self._step)
            self._saved_step = self._step
            if self._chief:
                self._time.save()

    # === Beginning and end ===

    def _announce(self):
        experiment, config = self._experiment, self._config
        self._progress.say(
            f"{experiment.model} ({self._num_weights:,} weights) on {experiment.data.dataset} {self._source.image_shape}, "
            f"{self._num_images:,} training images, batch {self._stage.phase.config.batch_size} on "
            f"{self._engine.describe()}, {config.precision}; run directory {self._directory}")
        if self._engine.warning():
            self._progress.say(f"warning: {self._engine.warning()}")
        if self._step:
            self._progress.say(f"resuming at step {self._step}" if self._step < config.num_steps else
                               f"nothing is left to train: the run is at step {self._step}, --num_steps={config.num_steps}")
        num_slots, dataset = self._model.num_slots, experiment.data.dataset
        for warning in [*self._warnings, *self._task.before_training(self._missing_slots(), num_slots, dataset)]:
            self._progress.say(f"warning: {warning}")
        self._summaries.start(self._step, {
            "model": experiment.model, "model_config": dataclasses.asdict(experiment.model_config),
            "data": dataclasses.asdict(experiment.data), "train": dataclasses.asdict(config)})

    def _announce_phase(self):
        phase = self._stage.phase
        if not phase.name:
            return
        weights = sum(int(np.prod(variable.shape)) for variable in self._model.trainable_variables)
        self._progress.say(f"phase {phase.name}: to step {phase.end}, {weights:,} weights, batch "
                           f"{phase.config.batch_size}, learning rate {phase.config.learning_rate:g}")
        self._progress.enter_phase(phase.name, phase.end, self._step, phase.config.batch_size)

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
                               f"{self._stage.checkpoints.latest}; start the same command again to resume")
        else:
            self._progress.say(f"done: step {self._step} after {duration(self._time.seconds)} of training; "
                               f"run directory {self._directory}")
            if advise:
                backend = "KERAS_BACKEND=jax " if keras.backend.backend() == "jax" else ""
                self._progress.say(f"score it: {backend}python -m tfobj.evaluate --run_dir={self._directory}")
