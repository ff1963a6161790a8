"""The device as TensorFlow has it: its name, its memory, and work of known size to put on it.

`tfobj.benchmarks.jax_device` has the same functions.
"""

import tensorflow as tf


def name():
    """str, what the GPU calls itself, or None on a CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else None


def synchronise(model):
    """Waits until everything that was started, the assignments to the weights of `model` too, is done."""
    del model
    tf.test.experimental.sync_devices()


def peak_memory():
    """Bytes, the most that was in use on the first GPU since the process started, or None on a CPU."""
    if name() is None:
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


def batches(training_input):
    """Iterator over the batches of one device, dicts of tensors, as training reads them."""
    return iter(training_input.dataset())


def matrix_product(size, precision):
    """A square matrix product that can be repeated on its result; the numbers stay near 1 / size.

    Args:
        size: int. Side of both factors.
        precision: str, "float32", "tensorfloat32" or "bfloat16".

    Returns:
        Tuple (function, callable that makes its first argument). The function starts one product and returns what the
        next one takes.
    """
    dtype = tf.bfloat16 if precision == "bfloat16" else tf.float32
    factor = tf.cast(tf.random.stateless_uniform([size, size], [0, 1]) * (2 / size), dtype)

    def multiply(value):
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(precision == "tensorfloat32")
        try:
            return tf.matmul(factor, value)
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(before)

    return multiply, lambda: factor


def copy(num_bytes):
    """A copy of `num_bytes` bytes within the device's memory, as `matrix_product`."""
    return tf.negative, lambda: tf.zeros([num_bytes // 4], tf.float32)  # an identity would not move anything


def wait(value):
    """Waits until `value` is computed."""
    del value
    tf.test.experimental.sync_devices()
