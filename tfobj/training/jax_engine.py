"""Training and scoring with JAX, also where TensorFlow is not installed. The interface is that of `engine`."""

import concurrent.futures
import contextlib
import os

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.sharding import Mesh
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec

from tfobj.data import memory
from tfobj.errors import UserError
from tfobj.training.arrays import as_arrays
from tfobj.training.health import is_healthy
from tfobj.training.jax_step import JaxState
from tfobj.training.jax_step import JaxStep

_RESIDENT_SHARE = 0.25  # of a device's memory that the training images may take
_STREAMED_BYTES = 256 << 20  # images that are sent to the devices at once where they do not stay there
_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
_PRECISIONS = {"float32": "highest", "tensorfloat32": "tensorfloat32", "mixed_bfloat16": "default"}


class JaxEngine:
    """See `tfobj.training.engine`. All devices are in this process.

    Args:
        devices: Sequence of `jax.Device` or None for the first one.
    """

    num_workers, is_chief = 1, True
    open_source = staticmethod(memory.open_source)
    training_input = staticmethod(memory.MemoryTrainingInput)
    evaluation_input = staticmethod(memory.MemoryEvaluationInput)

    def __init__(self, devices=None):
        self.devices = list(devices or jax.devices()[:1])
        mesh = Mesh(np.array(self.devices), ("data",))
        self._mesh = mesh
        self._replicated = NamedSharding(mesh, PartitionSpec())

    @classmethod
    def configured(cls, config):
        """Prepares the process for a run described by a `TrainConfig`.

        Raises:
            UserError: several machines, or more devices than there are.
        """
        if config.strategy == "multi_worker":
            raise UserError("--strategy=multi_worker needs KERAS_BACKEND=tensorflow; JAX trains on the devices of one "
                            "machine")
        if config.deterministic and _DETERMINISTIC not in os.environ.get("XLA_FLAGS", ""):
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_DETERMINISTIC}".strip()
        if config.num_devices > 1:
            with contextlib.suppress(RuntimeError):  # JAX runs already; what there is, is counted below
                jax.config.update("jax_num_cpu_devices", config.num_devices)
        jax.config.update("jax_default_matmul_precision", _PRECISIONS[config.precision])
        keras.config.set_dtype_policy(config.precision.replace("tensorfloat32", "float32"))
        keras.utils.set_random_seed(config.seed)
        return cls(_chosen_devices(config))

    @property
    def num_replicas(self):
        """int, devices over which a batch is laid out."""
        return len(self.devices)

    def describe(self):
        """The devices in words."""
        device, count = self.devices[0], len(self.devices)
        kind = "CPU" if device.platform == "cpu" else device.device_kind
        return f"{count} {kind}{'s' * (count > 1)} (JAX)"

    def warning(self):
        """A warning if this machine has an NVIDIA GPU that JAX does not see, else None."""
        if self.devices[0].platform != "cpu" or not os.path.exists("/dev/nvidia0"):
            return None
        if "cpu" in os.environ.get("JAX_PLATFORMS", ""):  # chosen on purpose
            return None
        return ("this machine has an NVIDIA GPU, but JAX does not see it and computes on the CPU; install the CUDA "
                "libraries with `pip install 'jax[cuda12]'`")

    def scope(self):
        """Context in which model and optimizer are created."""
        return jax.default_device(self.devices[0])

    def training(self, model, optimizer, config, first_step=0):
        """See the module `engine`."""
        step = JaxStep(model, optimizer, self._mesh, config.seed, config.clip_norm, first_step)
        return _Training(step, JaxState(model, optimizer, self._replicated), self._replicated, config.steps_per_loop)

    def mapper(self, model, function, evaluation_input):
        """See the module `engine`."""
        rows = NamedSharding(self._mesh, PartitionSpec("data"))
        return _Mapper(model, function, evaluation_input, self._replicated, rows)

    def outputs(self, model, image, noise, **overrides):
        """See the module `engine`."""
        return self.compiled(lambda image, noise: model(image, noise=noise, **overrides), model)(image, noise)

    def compiled(self, function, model=None):
        """See the module `engine`."""
        weights = model.weights if model else []

        def call(values, arguments):
            with keras.StatelessScope(state_mapping=list(zip(weights, values))):
                return function(*arguments)

        traced = jax.jit(call)
        return lambda *arguments: as_arrays(traced([variable.value for variable in weights], arguments))

    def agree(self, stop, seconds):
        """There is nobody to agree with."""
        return stop, seconds


def _chosen_devices(config):
    devices = jax.devices()
    on_cpu = devices[0].platform == "cpu"
    wanted = 1 if config.strategy == "one_device" else config.num_devices or (1 if on_cpu else len(devices))
    if wanted > len(devices):
        raise UserError(f"--num_devices={wanted} but JAX sees {len(devices)} {devices[0].platform} device(s); use "
                        "fewer, or --num_devices=0 for all")
    return devices[:wanted]


class _Training:
    """Makes training loops; the compiled step is shared by all of them."""

    def __init__(self, step, state, sharding, longest):
        self._step, self._state, self._sharding, self._longest = step, state, sharding, longest

    def start(self, training_input, step):
        """See the module `engine`."""
        loop = _loop_class(next(iter(self._sharding.device_set)))
        return loop(self._step, self._state, self._sharding, self._longest, training_input, step)


def _loop_class(device):
    return _CpuLoop if device.platform == "cpu" else _DeviceLoop


class _Loop:
    def __init__(self, step, state, sharding, longest, training_input, start_step):
        self._step, self._state, self._sharding, self._longest = step, state, sharding, longest
        self._input, self._next, self._limits = training_input, start_step, step.term_limits

    def _rows(self, first, count):
        """Positions in the training images, int32 [count,B], of `count` batches from step `first` on."""
        return np.stack([self._input.rows(step) for step in range(first, first + count)]).astype(np.int32)

    def _batch(self, rows):
        """The examples at some positions, int [B]: dict of arrays."""
        return jax.tree.map(lambda values: np.ascontiguousarray(values[rows]), self._input.examples)

    def close(self):
        """Nothing stays open."""


class _CpuLoop(_Loop):
    """One call per step: XLA computes convolutions inside a loop on one thread and without its fast kernels."""

    def run(self, num_steps):
        """See the module `engine`."""
        state, totals, done = self._state.read(), {}, 0
        for rows in self._rows(self._next, num_steps):
            state, terms = self._step.one(state, self._batch(rows))
            last = {name: float(value) for name, value in terms.items()}
            totals = {name: totals.get(name, 0.0) + value for name, value in last.items()}
            done += 1
            if not is_healthy(last, self._limits):
                break
        self._state.write(state)
        self._next += done
        return done, {name: value / done for name, value in totals.items()}, last


class _DeviceLoop(_Loop):
    """Many steps per call. The images lie in the device's memory if they are small against it, else they follow."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        examples_bytes = sum(values.nbytes for values in jax.tree.leaves(self._input.examples))
        self._resident, self._chunk = None, self._longest
        if examples_bytes <= _RESIDENT_SHARE * _memory(next(iter(self._sharding.device_set))):
            self._resident = jax.device_put(self._batch(slice(None)), self._sharding)
        else:
            batch_bytes = examples_bytes // self._input.num_examples * len(self._input.rows(self._next))
            self._chunk = max(1, min(self._longest, _STREAMED_BYTES // batch_bytes))
        self._pool, self._ahead = concurrent.futures.ThreadPoolExecutor(1), {}

    def run(self, num_steps):
        """See the module `engine`."""
        state, totals, made, end = self._state.read(), {}, 0, self._next + num_steps
        while self._next < end:
            count = min(self._chunk, end - self._next)
            examples, rows = self._part(self._next)
            state, done, sums, last = self._step.many(state, examples, rows, count)
            self._prepare(self._next + count)  # while the device computes
            last = {name: float(value) for name, value in last.items()}
            totals = {name: totals.get(name, 0.0) + float(value) for name, value in sums.items()}
            made, self._next = made + int(done), self._next + int(done)
            if not is_healthy(last, self._limits):
                break
        self._state.write(state)
        return made, {name: value / made for name, value in totals.items()}, last

    def close(self):
        """Ends the thread that fetches examples ahead."""
        self._pool.shutdown(cancel_futures=True)

    def _part(self, first):
        """Examples, and the positions among them of the batches from step `first` on, int32 [chunk,B]."""
        if self._resident is not None:
            return self._resident, self._rows(first, self._chunk)
        self._prepare(first)
        return self._ahead.pop(first).result()

    def _prepare(self, first):
        if self._resident is None and first not in self._ahead:
            self._ahead = {first: self._pool.submit(self._fetch, first)}

    def _fetch(self, first):
        rows = self._rows(first, self._chunk)
        examples = jax.device_put(self._batch(rows.reshape(-1)), self._sharding)
        return examples, np.arange(rows.size, dtype=np.int32).reshape(rows.shape)


def _memory(device):
    return (device.memory_stats() or {}).get("bytes_limit", 0)


class _Mapper:
    def __init__(self, model, function, evaluation_input, replicated, rows):
        def call(values, batch, noise):
            with keras.StatelessScope(state_mapping=list(zip(model.weights, values))):
                return function(batch, {name: jnp.take(table, batch["index"], axis=0) for name, table in noise.items()})

        self._call, self._model, self._input = jax.jit(call), model, evaluation_input
        self._replicated, self._sharding = replicated, rows

    def run(self, noise):
        """See the module `engine`."""
        values = [jax.device_put(variable.value, self._replicated) for variable in self._model.weights]
        tables = jax.device_put(noise, self._replicated)
        for batch in self._input.batches():
            batch = jax.device_put(memory.without_texts(batch), self._sharding)
            yield {name: np.asarray(value) for name, value in self._call(values, batch, tables).items()}
