"""One row of a benchmark: an experiment's training loop, measured in this process."""

import dataclasses
import importlib
import statistics
import time

import keras
import numpy as np

from tfobj import registry
from tfobj.benchmarks import device_peak
from tfobj.benchmarks import flops
from tfobj.benchmarks import host
from tfobj.benchmarks import synthetic
from tfobj.errors import UserError
from tfobj.training import engine as engines
from tfobj.training import guard_rails
from tfobj.training.schedules import make_optimizer

_INPUT_BATCHES = 4  # before the input is timed, its buffers are emptied


def measure(experiment, options, say=lambda text: None):
    """Builds the model, trains it on the engine that `tfobj.train` uses, and takes the time.

    Args:
        experiment: `ExperimentConfig`.
        options: `tfobj.benchmarks.options.Options`.
        say: Callable that is told, as str, what happens.

    Returns:
        Dict that JSON can hold: `batch_size`, `image_shape`, `dtype` (of the images), `parameters`; `build_seconds`,
        `compile_seconds`; `steps_per_repeat`, `step_seconds` and `cpu_seconds` (dicts of `statistics_of`, per step),
        `images_per_second`; `input_seconds` per batch, or None; `peak_memory` in bytes, `memory_of` "process" or
        "device"; `flops`, a dict with `forward`, `training_step`, `by_kind` and `uncounted`; `flops_per_second`;
        `precision` of the products; `devices`; `machine`, `versions`; `peak` as of `device_peak.measure`, or None.

    Raises:
        UserError: something of the experiment does not fit together, or the loss is not finite.
    """
    device = importlib.import_module(f"tfobj.benchmarks.{keras.config.backend()}_device")
    config = experiment.train
    say("building")
    began = time.perf_counter()
    engine = engines.make_engine(config)
    if config.batch_size % engine.num_replicas:
        raise UserError(f"--batch_size={config.batch_size} cannot be shared by {engine.num_replicas} devices; use a "
                        f"multiple of {engine.num_replicas}")
    pictures, training_input = _open(experiment, engine, options.real_data)
    model, optimizer = _build(experiment, engine, pictures.image_shape)
    build_seconds = time.perf_counter() - began
    counted = flops.count(model, config.batch_size, pictures.num_frames)
    loop = engine.training(model, optimizer, config).start(training_input, 0)
    try:
        times = _Times(loop, lambda: device.synchronise(model), config.steps_per_loop, options, say)
    finally:
        loop.close()
    memory = device.peak_memory()
    result = {
        "batch_size": config.batch_size, "image_shape": list(pictures.example_shape), "dtype": pictures.dtype,
        "parameters": sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        "build_seconds": build_seconds, **times.result(config.batch_size),
        "input_seconds": _input_seconds(device, training_input, options, say) if options.real_data else None,
        "peak_memory": memory or host.peak_memory(), "memory_of": "device" if memory else "process",
        "flops": {**dataclasses.asdict(counted), "forward": counted.forward, "training_step": counted.training_step},
        "flops_per_second": counted.training_step / statistics.median(times.step_seconds),
        "precision": {"mixed_bfloat16": "bfloat16"}.get(config.precision, config.precision),
        "devices": {"description": engine.describe(), "accelerators": engine.num_replicas if device.name() else 1},
        "machine": host.describe(device.name()), "versions": host.versions(keras.config.backend()), "peak": None}
    if options.peak:
        say("measuring the device")
        result["peak"] = device_peak.measure(device, _precisions(device))
    return result


def _open(experiment, engine, real_data):
    """(`synthetic.Pictures`, training input)."""
    data, config = experiment.data, experiment.train
    factors = registry.load(registry.model_entry(experiment.model).path).needs_factors
    if not real_data:
        pictures = synthetic.pictures_of(data)
        guard_rails.check_frames(experiment, data, pictures.num_frames)
        return pictures, synthetic.SyntheticInput(pictures, config.batch_size, factors=factors)
    source = engine.open_source(data)
    guard_rails.check_frames(experiment, data, source.num_frames)
    guard_rails.check_factors(experiment, data, source)
    training_input = engine.training_input(source, data, config.batch_size, config.seed, factors=factors)
    dtype = "uint8" if source.preprocessing.keeps_values else "float32"
    return synthetic.Pictures(tuple(source.image_shape), source.num_frames, dtype), training_input


def _precisions(device):
    """The arithmetics whose peak is measured: TensorFloat-32 is something that accelerators have."""
    return ("float32", "tensorfloat32", "bfloat16") if device.name() else ("float32", "bfloat16")


def _build(experiment, engine, image_shape):
    with engine.scope():
        model = registry.build_model(experiment.model, experiment.model_config, image_shape)
        optimizer = make_optimizer(experiment.train)
        optimizer.build(model.trainable_variables)
    return model, optimizer


class _Times:
    """Runs a training loop and takes its times.

    Args:
        loop: What `engine.training(...).start(...)` returned.
        synchronise: Callable that returns when the device is idle.
        longest: int. Most steps of a call.
        options: `Options`.
        say: Callable, see `measure`.
    """

    def __init__(self, loop, synchronise, longest, options, say):
        self._loop, self._synchronise = loop, synchronise
        say("compiling")
        first, _ = self._run(1)
        self.steps, step = self._warm_up(longest, options.seconds)
        self.step_seconds, self.cpu_seconds = [], []
        for repeat in range(options.repeats):
            say(f"repeat {repeat + 1}/{options.repeats}, {self.steps} step{'s' * (self.steps > 1)} of {step:.3g} s")
            seconds, cpu_seconds = self._run(self.steps)
            step = seconds / self.steps
            self.step_seconds.append(step)
            self.cpu_seconds.append(cpu_seconds / self.steps)
        self.compile_seconds = max(0.0, first - statistics.median(self.step_seconds))

    def _warm_up(self, longest, seconds):
        """Runs until calls have the length wanted: (steps of a call, seconds of a step). The first ones still compile
        little things, and caches, clocks and buffers come to rest."""
        steps, wanted, step = 0, 1, 0.0
        while wanted >= 2 * steps:
            steps = wanted
            step = self._run(steps)[0] / steps
            wanted = max(1, min(longest, round(seconds / step)))
        return steps, step

    def _run(self, steps):
        """(seconds, processor seconds) of so many steps."""
        began, cpu_began = time.perf_counter(), time.process_time()
        done, _, last = self._loop.run(steps)
        self._synchronise()
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        if done < steps or not np.isfinite(last["loss"]):
            raise UserError(f"training stopped at a loss of {last['loss']}: it or its gradient is not finite; lower "
                            "--learning_rate, or set --clip_norm")
        return seconds, cpu_seconds

    def result(self, batch_size):
        """Part of the dict of `measure`."""
        return {"compile_seconds": self.compile_seconds, "steps_per_repeat": self.steps,
                "step_seconds": statistics_of(self.step_seconds), "cpu_seconds": statistics_of(self.cpu_seconds),
                "images_per_second": batch_size / statistics.median(self.step_seconds)}


def statistics_of(values):
    """Dict of the `median`, the quartiles `low` and `high`, and all `values`, a list of floats."""
    low, high = np.quantile(values, (0.25, 0.75))
    return {"median": statistics.median(values), "low": float(low), "high": float(high), "values": list(values)}


def _input_seconds(device, training_input, options, say):
    """Mean seconds of a batch of the input pipeline when nothing is trained: batches come in bursts."""
    say("reading batches alone")
    batches, count = device.batches(training_input), 0
    for _ in range(_INPUT_BATCHES):
        next(batches)
    began = time.perf_counter()
    while count < options.repeats or time.perf_counter() < began + options.seconds:
        next(batches)
        count += 1
    seconds = time.perf_counter() - began
    if hasattr(training_input, "settle"):
        training_input.settle()
    return seconds / count
