"""The device as JAX has it: its name, its memory, and work of known size to put on it.

`tfobj.benchmarks.tensorflow_device` has the same functions.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

_PRECISIONS = {"float32": "highest", "tensorfloat32": "tensorfloat32", "bfloat16": "default"}


def name():
    """str, what the accelerator calls itself, or None on a CPU."""
    device = jax.devices()[0]
    return None if device.platform == "cpu" else device.device_kind


def synchronise(model):
    """Waits until everything that the weights of `model` depend on is computed."""
    jax.block_until_ready([variable.value for variable in model.variables])


def peak_memory():
    """Bytes, the most that was in use on the first accelerator since the process started, or None on a CPU."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def batches(training_input):
    """Iterator over the batches, arrays on the host, as training reads them."""
    return (np.asarray(training_input.images[training_input.rows(step)]) for step in itertools.count())


def matrix_product(size, precision):
    """A square matrix product that can be repeated on its result; the numbers stay near 1 / size.

    Args:
        size: int. Side of both factors.
        precision: str, "float32", "tensorfloat32" or "bfloat16".

    Returns:
        Tuple (function, callable that makes its first argument). The function starts one product and returns what the
        next one takes.
    """
    factor = jax.random.uniform(jax.random.key(0), (size, size), jnp.float32) * (2 / size)
    factor = factor.astype(jnp.bfloat16 if precision == "bfloat16" else jnp.float32)
    multiply = jax.jit(functools.partial(jnp.matmul, precision=_PRECISIONS[precision]))
    return functools.partial(multiply, factor), lambda: factor


def copy(num_bytes):
    """A copy of `num_bytes` bytes within the device's memory, as `matrix_product`."""
    # Donated: on a CPU, memory that was never used costs more to get than the copy itself.
    return jax.jit(jnp.negative, donate_argnums=0), lambda: jnp.zeros(num_bytes // 4, jnp.float32)


def wait(value):
    """Waits until `value` is computed."""
    value.block_until_ready()
