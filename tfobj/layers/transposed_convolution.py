"""Transposed convolution that is fast on every backend."""

import keras
from keras import ops

from tfobj.ops.phases import conv_transpose_by_phases, covers_strides


@keras.saving.register_keras_serializable(package="tfobj")
class TransposedConvolution(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with "same" padding and channels last; same weights, same result.

    JAX's compiler for CPUs multiplies with the zeros that a stride inserts, so there a strided layer is computed as
    ordinary convolutions, one for each phase of the output (a quarter to a seventh of the time with stride 2).

    Args:
        filters: int.
        kernel_size: int or tuple.
        strides: int or tuple.
        **kwargs: As of `keras.layers.Conv2DTranspose`, without `padding`, `data_format` and `dilation_rate`.
    """

    def __init__(self, filters, kernel_size, strides=1, **kwargs):
        super().__init__(filters, kernel_size, strides, padding="same", data_format="channels_last", **kwargs)
        on_cpu = keras.config.backend() == "jax" and keras.distribution.list_devices()[0].startswith("cpu")
        self.by_phases = on_cpu and max(self.strides) > 1 and covers_strides(self.kernel_size, self.strides)

    def call(self, inputs):
        if not self.by_phases:
            return super().call(inputs)
        outputs = conv_transpose_by_phases(inputs, self.kernel, self.strides)
        outputs = ops.add(outputs, self.bias) if self.use_bias else outputs
        return self.activation(outputs)

    def get_config(self):
        config = super().get_config()
        return {name: value for name, value in config.items()
                if name not in ("padding", "data_format", "dilation_rate", "output_padding")}
