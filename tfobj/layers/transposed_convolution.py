"""Transposed convolution that is fast on every backend."""

import keras
from keras import ops

from tfobj.ops.mirroring import mirrored
from tfobj.ops.phases import conv_transpose_by_phases, covers_strides


@keras.saving.register_keras_serializable(package="tfobj")
class TransposedConvolution(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with "same" padding and channels last; same weights, same result.

    JAX's compiler for CPUs multiplies with the zeros that a stride inserts, so there a strided layer is computed as
    ordinary convolutions, one for each phase of the output (a quarter to a seventh of the time with stride 2).

    PyTorch's layer with an odd kernel, padding (kernel - 1) / 2 and output padding stride - 1 is shifted by a pixel
    against it where the stride is 2: it is what this layer paints on a canvas that is mirrored in both axes. Stacks
    of such layers are therefore computed with `mirrored` on a mirrored canvas, which is turned at the end:
    `torch(x) = flip(layer(flip(x)))`. That is faster than painting a larger canvas and cutting it.

    Args:
        filters: int.
        kernel_size: int or tuple.
        strides: int or tuple.
        mirrored: bool. Input and output are mirrored in both spatial axes, so the kernel is applied mirrored; it is
            kept as it is. Defaults to `False`.
        **kwargs: As of `keras.layers.Conv2DTranspose`, without `padding`, `data_format` and `dilation_rate`.
    """

    def __init__(self, filters, kernel_size, strides=1, mirrored=False, **kwargs):
        super().__init__(filters, kernel_size, strides, padding="same", data_format="channels_last", **kwargs)
        on_cpu = keras.config.backend() == "jax" and keras.distribution.list_devices()[0].startswith("cpu")
        self.mirrored = mirrored
        self.by_phases = on_cpu and max(self.strides) > 1 and covers_strides(self.kernel_size, self.strides)

    def call(self, inputs):
        kernel = mirrored(self.kernel, (0, 1)) if self.mirrored else self.kernel
        if self.by_phases:
            outputs = conv_transpose_by_phases(inputs, kernel, self.strides)
        else:
            outputs = ops.conv_transpose(inputs, kernel, self.strides, "same", data_format="channels_last")
        outputs = ops.add(outputs, self.bias) if self.use_bias else outputs
        return self.activation(outputs)

    def get_config(self):
        config = super().get_config()
        config = {name: value for name, value in config.items()
                  if name not in ("padding", "data_format", "dilation_rate", "output_padding")}
        return {**config, "mirrored": self.mirrored}
