"""Floating-point operations of a model, counted from the layers that it calls and the shapes they see.

Counted are multiplications and additions, two for each pair of numbers whose product enters a sum, of

* convolutions, depthwise and separable ones included: every tap at every position of the output, also those that fall
  on padding; transposed convolutions: every tap at every position of the input;
* dense layers, `EinsumDense` and the cells of recurrent networks;
* the two products of `MultiHeadAttention`, and products that a layer writes with `keras.ops.matmul`, `dot`,
  `tensordot` or `einsum`, such as the logits and updates of Slot Attention.

Not counted: biases, activations, normalisation, softmax, losses, resampling, the optimizer, and gradients that a model
computes in its forward pass. What a training step costs is taken as three forward passes, since each of these layers
costs as much again for the gradient of its input and of its weights.
"""

import collections
import contextlib
import dataclasses
import functools
import math

import keras
from keras import ops

TRAINING_STEP = 3
"""Forward passes whose operations a training step has."""

_PRODUCTS = ("matmul", "dot", "tensordot", "einsum")


@dataclasses.dataclass(frozen=True)
class Flops:
    """Operations of one forward pass.

    Attributes:
        by_kind: dict from "convolution", "transposed_convolution", "dense", "recurrent" and "product" to int.
        uncounted: Tuple of str. Classes of layers with a kernel, or with a loop, that were called and not counted.
    """

    by_kind: dict
    uncounted: tuple = ()

    @property
    def forward(self):
        """int, operations of a forward pass."""
        return sum(self.by_kind.values())

    @property
    def training_step(self):
        """int, operations of a training step."""
        return TRAINING_STEP * self.forward


def count(model, batch_size, num_frames=0):
    """Counts the operations of one forward pass. Nothing is computed.

    Args:
        model: Built `ObjectModel`.
        batch_size: int.
        num_frames: int. Frames of sequences, 0 for single pictures.

    Returns:
        `Flops`.
    """
    frames = (num_frames,) if num_frames else ()
    image = keras.KerasTensor((batch_size, *frames, *model.image_shape), "float32")
    noise = {name: keras.KerasTensor(entry.shape, "float32") for name, entry in model.noise_spec(batch_size).items()}
    return count_call(model, image, noise=noise)


def count_call(layer, *inputs, **arguments):
    """Counts the operations of one call of a built layer.

    Args:
        layer: Built Keras layer or model.
        *inputs: `keras.KerasTensor`s.
        **arguments: `keras.KerasTensor`s, or dicts of them.

    Returns:
        `Flops`.
    """
    counter = _Counter()
    with counter.watching():
        _Caller(layer).compute_output_spec(*inputs, **arguments)
    return Flops({kind: value for kind, value in counter.by_kind.items() if value}, tuple(sorted(counter.uncounted)))


class _Caller(keras.layers.Layer):
    """Calls a layer. Many layers say what they return without being called."""

    def __init__(self, layer):
        super().__init__(autocast=False)
        self.layer = layer

    def call(self, *inputs, **arguments):
        return self.layer(*inputs, **arguments)


class _Counter:
    """Sees every call of a layer and of `keras.ops`' products while it watches."""

    def __init__(self):
        self.by_kind, self.uncounted = collections.Counter(), set()

    @contextlib.contextmanager
    def watching(self):
        """Context in which calls are counted."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_replaced(keras.layers.Layer, "__call__", self._layer_call))
            for name in _PRODUCTS:  # Keras' own layers find these functions in another module, which stays as it is
                stack.enter_context(_replaced(ops, name, functools.partial(self._product, name)))
            yield

    def _layer_call(self, call):
        @functools.wraps(call)
        def counted(layer, *inputs, **arguments):
            outputs = call(layer, *inputs, **arguments)
            self._see(layer, (*inputs, *arguments.values()), outputs)
            return outputs

        return counted

    def _product(self, name, function):
        @functools.wraps(function)
        def counted(*operands, **arguments):
            result = function(*operands, **arguments)
            shapes = [tuple(operand.shape) for operand in operands if hasattr(operand, "shape")]
            self.by_kind["product"] += _product_flops(name, operands[0], shapes, tuple(result.shape))
            return result

        return counted

    def _see(self, layer, inputs, outputs):
        for classes, kind, flops_of in _LAYERS:
            if isinstance(layer, classes):
                self.by_kind[kind] += flops_of(layer, [tuple(value.shape) for value in inputs if _is_tensor(value)],
                                               tuple(keras.tree.flatten(outputs)[0].shape))
                return
        if hasattr(layer, "kernel") or isinstance(layer, keras.layers.RNN):
            self.uncounted.add(type(layer).__name__)


@contextlib.contextmanager
def _replaced(owner, name, wrap):
    """Context in which `owner.name` is what `wrap` makes of it."""
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _is_tensor(value):
    return hasattr(value, "shape")


def _sizes(weights):
    return sum(math.prod(weight.shape) for weight in weights)


# Operations of a call: functions of the layer, the shapes of its inputs and the shape of its (first) output.


def _convolution(layer, inputs, output):
    positions = math.prod(output) // layer.filters
    return 2 * positions * _sizes([layer.kernel])


def _transposed(layer, inputs, output):
    positions = math.prod(inputs[0]) // layer.kernel.shape[-1]  # kernel [..., out, in]
    return 2 * positions * _sizes([layer.kernel])


def _depthwise(layer, inputs, output):
    return 2 * math.prod(output) * math.prod(layer.kernel_size)


def _separable(layer, inputs, output):
    positions = math.prod(output) // layer.filters
    return 2 * positions * _sizes([layer.depthwise_kernel, layer.pointwise_kernel])


def _dense(layer, inputs, output):
    return 2 * math.prod(inputs[0][:-1]) * _sizes([layer.kernel])


def _einsum_dense(layer, inputs, output):
    return _einsum(layer.equation, [inputs[0], tuple(layer.kernel.shape)], output)


def _cell(layer, inputs, output):
    return 2 * math.prod(inputs[0][:-1]) * _sizes([layer.kernel, layer.recurrent_kernel])


def _attention(layer, inputs, output):
    """The products of queries with keys and of weights with values; the projections are layers of their own."""
    query, value = inputs[:2]
    pairs = math.prod(query[:-1]) * math.prod(value[1:-1])
    return 2 * pairs * layer.num_heads * (layer.key_dim + layer.value_dim)


_LAYERS = (
    ((keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D), "convolution", _convolution),
    ((keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D), "convolution", _depthwise),
    ((keras.layers.SeparableConv1D, keras.layers.SeparableConv2D), "convolution", _separable),
    ((keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose),
     "transposed_convolution", _transposed),
    (keras.layers.Dense, "dense", _dense),
    (keras.layers.EinsumDense, "dense", _einsum_dense),
    ((keras.layers.GRUCell, keras.layers.LSTMCell, keras.layers.SimpleRNNCell), "recurrent", _cell),
    (keras.layers.MultiHeadAttention, "product", _attention),
)


def _product_flops(name, first, shapes, output):
    if name == "einsum":
        return _einsum(first, shapes, output)
    if name == "tensordot":
        return 2 * math.isqrt(math.prod(shapes[0]) * math.prod(shapes[1]) * math.prod(output))
    return 2 * math.prod(output) * shapes[0][-1]


def _einsum(equation, shapes, output):
    """Twice the number of index combinations, if any index is summed; with more operands than two, for each pair."""
    terms, _, kept = equation.replace(" ", "").partition("->")
    sizes, batch = {}, 1
    for term, shape in zip(terms.split(","), shapes, strict=True):
        before, dots, after = term.partition("...")
        hidden = shape[len(before):len(shape) - len(after)]
        batch = max(batch, math.prod(hidden))
        sizes.update(zip(before, shape))
        sizes.update(zip(after, shape[len(shape) - len(after):]))
    if len(shapes) < 2 or set(sizes) <= set(kept):
        return 0
    return 2 * (len(shapes) - 1) * batch * math.prod(sizes.values())
