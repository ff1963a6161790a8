"""The initial weights that PyTorch gives its layers by default, as Keras initializers.

Codes of the literature that set no initial weights start from these.
"""

import keras
from keras import ops


def torch_kernel():
    """Initializer of kernels of dense, convolution and transposed convolution: U(+-1/sqrt(fan_in)).

    The fan of a transposed convolution is that of Keras' (kh, kw, out, in) kernel, out * kh * kw, also in PyTorch.
    """
    return keras.initializers.VarianceScaling(1.0 / 3.0, "fan_in", "uniform")


def torch_bias(fan_in):
    """Initializer U(+-1/sqrt(fan_in)) of the bias of a layer, `fan_in` that of its kernel."""
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)


def torch_defaults(fan_in):
    """Both initializers of a layer.

    Args:
        fan_in: int. Inputs of one output: channels times taps, output channels times taps if transposed.

    Returns:
        Dict of the arguments `kernel_initializer` and `bias_initializer` of a Keras layer.
    """
    return {"kernel_initializer": torch_kernel(), "bias_initializer": torch_bias(fan_in)}


def torch_lstm_defaults(units):
    """Arguments of a Keras LSTM or its cell whose weights start as PyTorch's; the latter has two biases, added up."""
    limit = units**-0.5
    return {"kernel_initializer": keras.initializers.RandomUniform(-limit, limit),
            "recurrent_initializer": keras.initializers.RandomUniform(-limit, limit),
            "bias_initializer": SumOfTwoUniforms(limit), "unit_forget_bias": False}


@keras.saving.register_keras_serializable(package="tfobj")
class SumOfTwoUniforms(keras.initializers.Initializer):
    """Sum of two independent draws from U(-limit, limit).

    Args:
        limit: float.
        seeds: Tuple of two ints. Defaults to random ones.
    """

    def __init__(self, limit, seeds=None):
        self.limit = limit
        draws = [keras.initializers.RandomUniform(-limit, limit, seed) for seed in seeds or (None, None)]
        self.seeds = tuple(draw.seed for draw in draws)
        self._draws = draws

    def __call__(self, shape, dtype=None):
        first, second = (draw(shape, dtype=dtype) for draw in self._draws)
        return ops.add(first, second)

    def get_config(self):
        return {"limit": self.limit, "seeds": self.seeds}
