"""PyTorch's transposed convolution with padding, for every kernel, stride and output size."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfobj")
class PaddedTransposedConvolution(keras.layers.Conv2DTranspose):
    """`torch.nn.ConvTranspose2d`: the whole output of a `keras.layers.Conv2DTranspose` from `padding` on.

    Keras' "same" padding takes away one pixel less before and one more behind where a kernel is odd and a stride even.

    Args:
        filters: int.
        kernel_size: int or tuple.
        strides: int or tuple.
        padding_before: Tuple of two ints. Rows and columns that are taken away above and on the left.
        output_size: Tuple (H, W) of ints. What is kept; it must lie in what the layer paints.
        **kwargs: As of `keras.layers.Conv2DTranspose`, without `padding`, `output_padding` and `data_format`.
    """

    def __init__(self, filters, kernel_size, strides, padding_before, output_size, **kwargs):
        super().__init__(filters, kernel_size, strides, padding="valid", data_format="channels_last", **kwargs)
        self.padding_before = tuple(padding_before)
        self.kept_size = tuple(output_size)

    def call(self, inputs):
        (top, left), (height, width) = self.padding_before, self.kept_size
        outputs = ops.conv_transpose(inputs, self.kernel, self.strides, "valid", data_format="channels_last")
        outputs = outputs[:, top:top + height, left:left + width]  # [B,H,W,filters]
        outputs = ops.add(outputs, self.bias) if self.use_bias else outputs
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.kept_size, self.filters)

    def get_config(self):
        config = super().get_config()
        config = {name: value for name, value in config.items()
                  if name not in ("padding", "data_format", "output_padding")}
        return {**config, "padding_before": self.padding_before, "output_size": self.kept_size}
