"""Cases for `tfobj.ops.autodiff` that both backends compute: functions without arguments, returning arrays by name.

    python -P tests/ops/autodiff_cases.py FILE.npz

computes them on the JAX backend, in a process in which TensorFlow cannot be imported, as they are and within
`jax.jit`, and writes `<case>/<name>` and `jit/<case>/<name>`. The repository root must be on PYTHONPATH.
"""

import os
import sys

import numpy as np

if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    sys.modules["tensorflow"] = None  # every import of it fails

from keras import ops  # noqa: E402

from tfobj.ops.autodiff import value_and_gradient  # noqa: E402

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], np.float32)
Y = np.array([0.3, -0.6, 1.2], np.float32)
W = np.array([1.1, -0.4, 0.7], np.float32)


def nested():
    """Inputs in dicts and lists, one of them unused, with aux: sum(x**2 y) + sum(sin z) and x + z."""
    def function(inputs):
        x, y = inputs["pair"]
        value = ops.sum(ops.square(x) * y) + ops.sum(ops.sin(inputs["z"]))
        return value, {"total": x + inputs["z"], "count": [ops.sum(ops.ones_like(x))]}

    inputs = {"pair": [X, Y], "z": ops.convert_to_tensor(X * 0.1), "unused": W}
    (value, aux), gradients = value_and_gradient(function, inputs, has_aux=True)
    return {"value": value, "total": aux["total"], "count": aux["count"][0], "x": gradients["pair"][0],
            "y": gradients["pair"][1], "z": gradients["z"], "unused": gradients["unused"]}


def per_image():
    """A value of each row, as losses are: gradients are those of their sum."""
    value, gradient = value_and_gradient(lambda x: ops.mean(ops.exp(x), axis=1), X)
    return {"value": value, "gradient": gradient}


def from_outside():
    """The same tensor as an input and from outside: the latter is a constant."""
    x = ops.convert_to_tensor(X)
    _, gradient = value_and_gradient(lambda inside: ops.sum(inside * x), x)
    return {"gradient": gradient}


def picked():
    """Rows taken from an input."""
    _, gradient = value_and_gradient(lambda x: ops.sum(ops.square(ops.take(x, [1, 1], axis=0))), X)
    return {"gradient": gradient}


def through_intermediate():
    """The derivative with respect to the hidden h = x**2 in sum(sin h), by zeros that are added to it."""
    inputs = {"x": X, "zeros": np.zeros_like(X)}
    _, gradients = value_and_gradient(
        lambda inputs: ops.sum(ops.sin(ops.square(inputs["x"]) + inputs["zeros"])), inputs)
    return {"hidden": gradients["zeros"], "x": gradients["x"]}


def _outer(stop_gradient):
    """Of inner = sum(w x**3) and its gradient g = 3 w x**2: the derivatives of sum(g**2), aux and value by w and x."""
    def inner_of(inputs):
        def inner(x):
            terms = inputs["w"] * x**3
            return ops.sum(terms), terms

        return value_and_gradient(inner, inputs["x"], has_aux=True, stop_gradient=stop_gradient)

    results = {}
    parts = {"squares": lambda inputs: ops.sum(ops.square(inner_of(inputs)[1])),
             "value": lambda inputs: inner_of(inputs)[0][0], "aux": lambda inputs: ops.sum(inner_of(inputs)[0][1]),
             "both": lambda inputs: inner_of(inputs)[0][0] + ops.sum(ops.square(inner_of(inputs)[1]))}
    for name, part in parts.items():
        _, gradients = value_and_gradient(part, {"w": W, "x": X})
        results.update({f"{name}_w": gradients["w"], f"{name}_x": gradients["x"]})
    return results


def second_order():
    """An outer gradient through the inner one."""
    return _outer(stop_gradient=False)


def second_order_stopped():
    """An outer gradient that takes the inner one as a constant."""
    return _outer(stop_gradient=True)


CASES = (nested, per_image, from_outside, picked, through_intermediate, second_order, second_order_stopped)


def main():
    """Computes every case twice and writes the results."""
    import jax

    results = {}
    for case in CASES:
        for prefix, run in (("", case), ("jit/", jax.jit(case))):
            results.update({f"{prefix}{case.__name__}/{name}": np.asarray(value) for name, value in run().items()})
    assert sys.modules["tensorflow"] is None
    np.savez(sys.argv[1], **results)


if __name__ == "__main__":
    main()
