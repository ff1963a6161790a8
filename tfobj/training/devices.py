"""Devices, distribution strategies, determinism and precision of a run."""

import json
import os

import keras
import tensorflow as tf

from tfobj.errors import UserError


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
    keras.config.set_dtype_policy(config.precision)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    return strategy


def make_strategy(config):
    """Creates the strategy that `--strategy` and `--num_devices` name.

    Args:
        config: `tfobj.config.TrainConfig`.

    Returns:
        A `tf.distribute.Strategy`; for one device the default one, which adds nothing to the graph.
    """
    if config.strategy == "multi_worker":
        return _multi_worker()
    devices = _device_names(config.num_devices)
    if config.strategy == "one_device" or (config.strategy == "auto" and len(devices) == 1):
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices)


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
        raise UserError(f"--num_devices={wanted} but this machine has {len(devices)} {devices[0].device_type} device(s); "
                        "use fewer, or --num_devices=0 for all GPUs")
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
    text = os.environ.get("TF_CONFIG")
    example = '{"cluster": {"worker": ["host0:port", "host1:port"]}, "task": {"type": "worker", "index": 0}}'
    if not text:
        raise UserError(f"--strategy=multi_worker needs the environment variable TF_CONFIG, such as {example}")
    try:
        cluster = json.loads(text)
        workers = [f"{kind}:{i} {address}" for kind, addresses in cluster["cluster"].items()
                   for i, address in enumerate(addresses)]
        me = f"{cluster['task']['type']}:{cluster['task']['index']}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"TF_CONFIG is not what --strategy=multi_worker expects ({error!r}); it must look like {example}"
                        ) from None
    # A peer that never starts is waited for in silence.
    print(f"worker {me}: waiting for all {len(workers)} workers: {', '.join(workers)}", flush=True)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    print(f"worker {me}: all workers are here", flush=True)
    return strategy
