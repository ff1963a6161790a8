"""The run: builds everything in the right order, trains, validates, records, saves, resumes and stops."""

import dataclasses
import os
import signal
import time

import numpy as np
import tensorflow as tf

from tfobj import noise as noises
from tfobj import registry
from tfobj.data import faults
from tfobj.data import pipeline
from tfobj.data import source as sources
from tfobj.errors import UserError
from tfobj.training import devices
from tfobj.training import evaluation
from tfobj.training import guard_rails
from tfobj.training import run_directory
from tfobj.training.checkpoints import Checkpoints
from tfobj.training.progress import Progress, duration
from tfobj.training.schedules import make_optimizer
from tfobj.training.step import TrainingStep, unit_range
from tfobj.training.summaries import Summaries, as_arrays

LOST_WORKER = 75
"""Exit status when another worker is gone: restart all workers to resume (EX_TEMPFAIL of sysexits.h)."""

_LOOP_SECONDS = 5.0  # how long one call of the compiled loop may take, so that a stop is heeded in time
_NUM_PICTURES = 6


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
        self._strategy = devices.configure(config)
        self._chief = devices.is_chief(self._strategy)
        self._check_batches()
        self._source = sources.open_source(experiment.data)
        self._directory = run_directory.prepare_run(
            run_dir, experiment, self._source.image_shape, self._source.fingerprint(), write=self._chief)
        self._input = pipeline.TrainingInput(self._source, experiment.data, config.batch_size, config.seed)
        with self._strategy.scope():
            self._model = registry.build_model(experiment.model, experiment.model_config, self._source.image_shape)
            self._optimizer = make_optimizer(config)
            self._optimizer.build(self._model.trainable_variables)
        self._checkpoints = Checkpoints(self._directory, self._model, self._optimizer, config.keep_checkpoints,
                                        self._chief)
        self._step = self._checkpoints.restore()
        self._saved_step = self._step
        self._summaries = Summaries(self._directory, self._chief)
        self._progress = Progress(self._step, config.num_steps, config.batch_size, quiet=not self._chief)
        self._training = TrainingStep(self._model, self._optimizer, self._strategy, config.seed, config.clip_norm,
                                      config.jit_compile)
        self._evaluator = self._make_evaluator(experiment)
        self._experiment = experiment
        self._stop_signal = None
        self._scores = {}
        self._pictured = None

    @property
    def model(self):
        """The model that is trained."""
        return self._model

    def run(self):
        """Trains up to `num_steps`.

        Returns:
            Dict of the last validation's scores, with `step` and `train_seconds`.

        Raises:
            UserError: a term became NaN or infinite, or a record cannot be read.
            LostWorkerError: another worker is gone.
        """
        self._announce()
        old_handlers = self._catch_signals()
        started = time.monotonic()
        try:
            with faults.named(self._experiment.data):
                self._train()
        except tf.errors.OpError as error:
            if devices.num_workers(self._strategy) == 1:
                raise
            raise LostWorkerError(f"another worker is gone near step {self._step} ({_first_line(error)}); the last "
                                  f"checkpoint is {self._checkpoints.latest}; restart all workers to resume") from None
        finally:
            for number, handler in old_handlers.items():
                signal.signal(number, handler)
            self._summaries.close()
            self._checkpoints.close()
        seconds = time.monotonic() - started
        self._say_goodbye(seconds)
        return {**self._scores, "step": self._step, "train_seconds": seconds}

    # === The loop ===

    def _train(self):
        config = self._config
        if self._step >= config.num_steps:
            return
        iterator = iter(self._strategy.distribute_datasets_from_function(self._batches))
        while self._step < config.num_steps and not self._stop_signal:
            wanted = self._steps_to_next_event()
            started = time.monotonic()
            done, mean, last = self._training.run(iterator, wanted)
            self._step += done
            self._refuse_not_finite(last)
            self._agree(done, time.monotonic() - started)
            self._after_loop(mean)
        self._save()

    def _batches(self, context):
        return self._input.dataset(
            start_step=self._step, num_shards=context.num_input_pipelines, shard_index=context.input_pipeline_id,
            replicas_per_shard=context.num_replicas_in_sync // context.num_input_pipelines)

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
        if devices.num_workers(self._strategy) > 1:
            mine = tf.constant([1.0 if self._stop_signal else 0.0, seconds], tf.float32)
            stop, total = self._strategy.reduce("SUM", mine, axis=None).numpy()
            replicas = self._strategy.num_replicas_in_sync
            self._stop_signal = self._stop_signal or ("a signal to another worker" if stop else None)
            seconds = float(total) / replicas
        self._progress.count(done, seconds)

    def _after_loop(self, mean):
        config, step = self._config, self._step
        if self._due(config.log_every):
            rate = float(self._optimizer.learning_rate.numpy())
            self._summaries.scalars("train", step, {
                **mean, "learning_rate": rate, "images_per_second": self._progress.images_per_second})
        if self._due(config.checkpoint_every):
            self._save()
        if self._due(config.validate_every):
            self._validate()
        if self._due(config.picture_every):
            self._draw()
        shown = {"loss": mean["loss"]}
        if "ari_fg" in self._scores:
            name, value = evaluation.headline(self._scores)
            shown[name] = value
        self._progress.show(step, shown, force=step == config.num_steps)

    def _due(self, period):
        return self._step % period == 0 or self._step == self._config.num_steps

    def _refuse_not_finite(self, last):
        bad = [name for name, value in last.items() if not np.isfinite(value)]
        if bad:
            saved = self._checkpoints.latest or "none"
            raise UserError(f"training stopped at step {self._step - 1}: {bad[0]} is {last[bad[0]]}; the last good "
                            f"checkpoint is {saved}; lower --learning_rate, set --clip_norm, or use --precision=float32")

    # === Validation, pictures, checkpoints ===

    def _make_evaluator(self, experiment):
        config = self._config
        if not config.validation_examples:
            return None
        self._validation_input = pipeline.EvaluationInput(
            self._source, experiment.data, "validation", config.validation_examples, config.eval_batch_size)
        return evaluation.Evaluator(self._model, self._strategy, self._validation_input,
                                    self._source.max_objects if self._source.has_masks else None)

    def _validate(self):
        if self._evaluator is None:
            return
        scores = self._evaluator.run()
        scores.pop("per_image")
        self._scores = scores
        self._summaries.scalars("validation", self._step, scores)
        name, value = evaluation.headline(scores)
        better = self._checkpoints.save_best(self._step, value, name)
        shown = "  ".join(f"{key} {scores[key]:.4g}" for key in ("loss", "mse", "ari_fg", "ari") if key in scores)
        self._progress.say(f"validation at step {self._step}  {shown}{'  (best so far)' if better else ''}")
        for warning in guard_rails.after_validation(scores):
            self._progress.say(f"warning: {warning}")

    def _draw(self):
        if self._evaluator is None or not self._chief:
            return
        if self._pictured is None:
            self._pictured = next(self._picture_batches())
        batch = self._pictured
        count = min(_NUM_PICTURES, int(batch["valid"].sum()))
        image = unit_range(tf.constant(batch["image"][:count]))
        noise = noises.example_noise(self._model.noise_spec(1), 0, range(count))
        outputs = as_arrays(self._model(image, noise=noise))
        masks = batch["mask"][:count] if "mask" in batch else None
        self._summaries.pictures(self._step, image.numpy(), outputs, masks, self._model.background_slot)

    def _picture_batches(self):
        return self._validation_input.dataset().as_numpy_iterator()

    def _save(self):
        if self._saved_step != self._step:
            self._checkpoints.save(self._step)
            self._saved_step = self._step

    # === Beginning and end ===

    def _check_batches(self):
        replicas = self._strategy.num_replicas_in_sync
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
            f"{self._strategy.num_replicas_in_sync} device(s), {config.precision}; run directory {self._directory}")
        if self._step:
            self._progress.say(f"resuming at step {self._step}")
        max_objects = self._source.max_objects if self._source.has_masks else None
        if max_objects is not None and experiment.data.max_objects:
            max_objects = min(max_objects, experiment.data.max_objects)
        for warning in guard_rails.before_training(self._model.num_slots, max_objects, experiment.data.dataset):
            self._progress.say(f"warning: {warning}")
        self._summaries.start(self._step, {
            "model": experiment.model, "model_config": dataclasses.asdict(experiment.model_config),
            "data": dataclasses.asdict(experiment.data), "train": dataclasses.asdict(config)})

    def _catch_signals(self):
        """SIGTERM and the first Ctrl-C stop at the next step boundary; a second Ctrl-C interrupts at once."""
        def stop(number, _):
            self._stop_signal = signal.Signals(number).name
            if number == signal.SIGINT:
                signal.signal(signal.SIGINT, signal.default_int_handler)

        try:
            return {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not the main thread: whoever started it stops it
            return {}

    def _say_goodbye(self, seconds):
        if self._stop_signal and self._step < self._config.num_steps:
            self._progress.say(f"stopped by {self._stop_signal} at step {self._step}; saved in "
                               f"{self._checkpoints.latest}; start the same command again to resume")
        else:
            self._progress.say(f"done: step {self._step} after {duration(seconds)} in this process; "
                               f"run directory {self._directory}")


class LostWorkerError(Exception):
    """Another machine of a multi-worker run is gone; all must be restarted."""


def train(experiment, run_dir):
    """Runs an experiment; the whole of `python -m tfobj.train` after the flags.

    Args:
        experiment: `ExperimentConfig`.
        run_dir: str.

    Returns:
        Dict of scores, see `Trainer.run`.
    """
    trainer = Trainer(experiment, run_dir)
    try:
        return trainer.run()
    except LostWorkerError as error:
        print(f"error: {error}", flush=True)
        # The runtime would wait for the lost worker in its destructors.
        os._exit(LOST_WORKER)


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
