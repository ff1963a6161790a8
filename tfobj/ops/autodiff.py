"""Value and gradient of a function of tensors, on either backend: what models need that follow gradients themselves."""

import keras
from keras import ops


def value_and_gradient(function, inputs, has_aux=False, stop_gradient=False):
    """Calls a function and differentiates what it returns with respect to its inputs.

    It may stand inside of another gradient (a tape, `jax.grad`, another call of this), which then goes through the
    gradients as well as the value, and inside of `tf.function`, with and without `jit_compile`, or `jax.jit`. For the
    gradient with respect to an intermediate result, let `function` add a tensor of zeros there, and pass the zeros as
    an input. What `function` takes from outside, such as weights, is constant for this gradient, not for outer ones.

    Args:
        function: Callable of one argument with the structure of `inputs`. Returns a float tensor of any shape; with
            `has_aux` a pair of it and anything made of tensors. It must not assign to variables.
        inputs: Float tensor, or nested dicts, lists and tuples of float tensors.
        has_aux: bool. See `function`. Defaults to `False`.
        stop_gradient: bool. Outer gradients take the gradients returned here as constants, but still go through value
            and aux. IODINE's refinement reads its gradients in this way. Defaults to `False`.

    Returns:
        Tuple (value, gradients), with `has_aux` ((value, aux), gradients). Value and aux are what `function` returned;
        `gradients` has the structure, shapes and dtypes of `inputs`: derivatives of the sum over all entries of the
        value, zero where it does not depend on an input.

    Raises:
        TypeError: an input or the value is not of a float dtype.
    """
    inputs = keras.tree.map_structure(lambda value: _checked(ops.convert_to_tensor(value), "an input"), inputs)
    differentiate = {"tensorflow": _with_tape, "jax": _with_vjp}[keras.config.backend()]
    value, aux, gradients = differentiate(_with_aux(function, has_aux), inputs)
    if stop_gradient:
        gradients = keras.tree.map_structure(ops.stop_gradient, gradients)
    return ((value, aux) if has_aux else value), gradients


def _with_aux(function, has_aux):
    """`function` returning (value, aux) in any case, with the value's dtype checked."""
    def call(inputs):
        value, aux = function(inputs) if has_aux else (function(inputs), ())
        return _checked(value, "the value"), aux

    return call


def _checked(tensor, what):
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise TypeError(f"gradients need float tensors, but {what} of the function is {dtype}")
    return tensor


def _with_tape(function, inputs):
    import tensorflow as tf

    # Copies: where the function takes one of the tensors from outside as well, that one is a constant, as in JAX.
    inputs = tf.nest.map_structure(tf.identity, inputs)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        value, aux = function(inputs)
    gradients = tape.gradient(value, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return value, aux, tf.nest.map_structure(tf.convert_to_tensor, gradients)  # a gather has sparse ones


def _with_vjp(function, inputs):
    import jax

    value, backward, aux = jax.vjp(function, inputs, has_aux=True)
    gradients, = backward(ops.ones_like(value))
    return value, aux, gradients
