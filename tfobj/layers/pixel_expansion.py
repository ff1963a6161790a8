"""A transposed convolution that paints a whole map from one pixel."""

import keras
from keras import ops

from tfobj.ops.mirroring import mirrored


@keras.saving.register_keras_serializable(package="tfobj")
class PixelExpansion(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` of maps of one pixel, as the matrix product that it is there.

    Backends that convolve the zeros around the pixel take hundreds of times as long.

    Input: [B, 1, 1, C]. Output: [B, kh, kw, filters].

    Args:
        filters: int.
        kernel_size: int or tuple. The size of the output.
        mirrored: bool. As of `TransposedConvolution`. Defaults to `False`.
        **kwargs: As of `keras.layers.Conv2DTranspose`, without `strides`, `padding` and `data_format`.
    """

    def __init__(self, filters, kernel_size, mirrored=False, **kwargs):
        super().__init__(filters, kernel_size, padding="valid", data_format="channels_last", **kwargs)
        self.mirrored = mirrored

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)  # [kh,kw,filters,C]
        kernel = mirrored(kernel, (0, 1)) if self.mirrored else kernel
        *shape, depth = kernel.shape
        outputs = ops.matmul(ops.reshape(inputs, (-1, depth)), ops.transpose(ops.reshape(kernel, (-1, depth))))
        outputs = ops.reshape(outputs, (-1, *shape))  # [B,kh,kw,filters]
        outputs = ops.add(outputs, self.bias) if self.use_bias else outputs
        return self.activation(outputs)

    def get_config(self):
        config = super().get_config()
        config = {name: value for name, value in config.items()
                  if name not in ("strides", "padding", "data_format", "output_padding", "dilation_rate")}
        return {**config, "mirrored": self.mirrored}
