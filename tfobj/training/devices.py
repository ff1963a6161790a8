"""Devices, distribution strategies, determinism and precision of a run."""

import json
import os
import re

import keras
import tensorflow as tf

from tfobj.errors import UserError

_TF_CONFIG = '{"cluster": {"worker": ["host0:port", "host1:port"]}, "task": {"type": "worker", "index": 0}}'


def configure(config):
    """Prepares the process for a run and returns its strategy. Call it before any other TensorFlow operation.

    Args:
        config: `tfobj.config.TrainConfig`.

    Returns:
        A `tf.distribute.Strategy`.

    Raises:
        UserError: the devices do not exist, or TF_CONFIG is missing or unreadable for multi_worker.
    """
    _make_logical_devices(config)
    strategy = make_strategy(config)
    set_precision(config.precision)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    return strategy


def set_precision(precision):
    """Sets the arithmetic of layers made from now on and of TensorFlow's matrix products and convolutions.

    Args:
        precision: str, a choice of `TrainConfig.precision`. TensorFlow itself would use TensorFloat-32 unasked.
    """
    tf.config.experimental.enable_tensor_float_32_execution(precision != "float32")
    keras.config.set_dtype_policy("float32" if precision == "tensorfloat32" else precision)


def make_strategy(config):
    """Creates the strategy that `--strategy` and `--num_devices` name.

    Args:
        config: `tfobj.config.TrainConfig`.

    Returns:
        A `tf.distribute.Strategy`; for one device the default one, which adds nothing to the graph.

    Raises:
        UserError: as `configure`, or TensorFlow cannot set the devices up.
    """
    if config.strategy == "multi_worker":
        return _multi_worker()
    devices = _device_names(config.num_devices)
    if config.strategy == "one_device" or (config.strategy == "auto" and len(devices) == 1):
        return tf.distribute.get_strategy()
    return _set_up(config.strategy, tf.distribute.MirroredStrategy, devices)


def describe(strategy):
    """Says in words what a strategy trains on.

    Args:
        strategy: `tf.distribute.Strategy`.

    Returns:
        str, such as "1 CPU", "2 GPUs", "2 logical CPUs on 1 machine" or "8 GPUs on 2 machines".
    """
    count, machines = strategy.num_replicas_in_sync, num_workers(strategy)
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    logical = kind == "CPU" and count > machines
    place = f" on {machines} machine{'s' * (machines > 1)}" if logical or machines > 1 else ""
    return f"{count} {'logical ' * logical}{kind}{'s' * (count > 1)}{place}"


def gpu_warning():
    """Returns a warning if this machine has an NVIDIA GPU that TensorFlow does not see, else None."""
    if not os.path.exists("/dev/nvidia0") or tf.config.list_physical_devices("GPU"):
        return None
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):  # hidden on purpose
        return None
    return ("this machine has an NVIDIA GPU, but TensorFlow does not see it and computes on the CPU; install the CUDA "
            "libraries with `pip install 'tensorflow[and-cuda]'` and look at the driver with `nvidia-smi`")


def is_chief(strategy):
    """Tells whether this process writes the run directory; true unless it is a later worker of several."""
    resolver = strategy.cluster_resolver
    return resolver is None or resolver.task_type in (None, "chief") or (
        resolver.task_type == "worker" and resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs)


def num_workers(strategy):
    """Returns the number of processes that train together."""
    return getattr(strategy.extended, "_num_workers", 1) or 1


def _device_names(wanted):
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")
    wanted = wanted or (len(gpus) or 1)
    if wanted > len(devices):
        raise UserError(f"--num_devices={wanted} but this machine has {len(devices)} {devices[0].device_type} "
                        "device(s); use fewer, or --num_devices=0 for all GPUs")
    return [device.name for device in devices[:wanted]]


def _make_logical_devices(config):
    if config.num_devices <= 1 or tf.config.list_physical_devices("GPU"):
        return
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * config.num_devices
    try:
        if tf.config.get_logical_device_configuration(cpu) is None:
            tf.config.set_logical_device_configuration(cpu, logical)
    except RuntimeError:  # TensorFlow runs already; _device_names says whether what exists is enough
        pass


def _multi_worker():
    workers, me = _read_cluster(os.environ.get("TF_CONFIG"))
    # A peer that never starts is waited for in silence.
    print(f"worker {me}: waiting for all {len(workers)} workers: {', '.join(workers)}", flush=True)
    strategy = _set_up("multi_worker", tf.distribute.MultiWorkerMirroredStrategy)
    print(f"worker {me}: all workers are here", flush=True)
    return strategy


def _set_up(name, strategy_class, *arguments):
    try:
        return strategy_class(*arguments)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"--strategy={name} cannot be set up: {reason}; look at the devices, and for several machines "
                        "at the addresses and ports in TF_CONFIG") from error


def _read_cluster(text):
    """Returns (every worker as "type:index address", this one as "type:index") from the text of TF_CONFIG."""
    if not text:
        raise UserError(f"--strategy=multi_worker needs the environment variable TF_CONFIG, such as {_TF_CONFIG}")
    try:
        config = json.loads(text)
        cluster = {kind: list(addresses) for kind, addresses in config["cluster"].items()}
        kind, index = config["task"]["type"], int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"TF_CONFIG is not what --strategy=multi_worker expects ({error!r}); it must look like "
                        f"{_TF_CONFIG}") from None
    workers = [(job, i, address) for job, addresses in cluster.items() for i, address in enumerate(addresses)]
    for job, i, address in workers:
        if not re.fullmatch(r"\S+:\d{1,5}", str(address)):
            raise UserError(f"TF_CONFIG: the address of {job}:{i} is {address!r}, expected host:port such as "
                            "host0:12345")
    if (kind, index) not in {(job, i) for job, i, _ in workers}:
        there = ", ".join(f"{job}:{i}" for job, i, _ in workers) or "nobody"
        raise UserError(f"TF_CONFIG: this process is {kind}:{index}, but the cluster has {there}; correct \"task\" or "
                        "\"cluster\"")
    return [f"{job}:{i} {address}" for job, i, address in workers], f"{kind}:{index}"
