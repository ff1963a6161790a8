"""Spatial broadcast decoder at full resolution with coordinates (IODINE, Appendix B; Watters et al. 2019)."""

import keras
from keras import ops

from tfobj.layers.broadcast_convolution import BroadcastConvolution
from tfobj.layers.fan_in_truncated_normal import FanInTruncatedNormal


@keras.saving.register_keras_serializable(package="tfobj")
class CoordinateBroadcastDecoder(keras.layers.Layer):
    """Paints each slot on its own canvas of the image's size, with weights shared by all slots.

    The slot is repeated over all pixels, two linear coordinates (row, column) are appended, and convolutions with
    stride 1, "same" padding and ELU follow; the last one is linear.

    Input: slots [B, K, Z]. Output: [B, K, H, W, output_channels].

    Args:
        image_size: Tuple (H, W).
        output_channels: int. E.g. 4 for mask logit and colour.
        filters: Sequence of int. Width of each hidden convolution.
        kernel_size: int. Of every convolution. Defaults to `3`.
        constant: float, value of a constant input channel behind the slot's; 0 for none. Defaults to `0`.
    """

    def __init__(self, image_size, output_channels, filters, kernel_size=3, constant=0.0, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.output_channels = output_channels
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.constant = constant

        # === Layers ===
        def common(index):
            activation = "elu" if index < len(self.filters) else None
            return {"activation": activation, "kernel_initializer": FanInTruncatedNormal(), "name": f"conv{index}",
                    "dtype": self.dtype_policy}

        widths = (*self.filters, output_channels)
        self.broadcast = BroadcastConvolution(self.image_size, widths[0], kernel_size, constant, **common(0))
        self.convolutions = [keras.layers.Conv2D(width, kernel_size, padding="same", **common(index))
                             for index, width in enumerate(widths[1:], start=1)]

    def build(self, input_shape):
        self.broadcast.build((None, input_shape[-1]))
        shape = (None, *self.image_size, self.broadcast.filters)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)

    def call(self, slots):
        size, num_slots = slots.shape[-1], ops.shape(slots)[1]
        canvas = self.broadcast(ops.reshape(slots, (-1, size)))  # [B*K,H,W,C]
        for convolution in self.convolutions:
            canvas = convolution(canvas)
        return ops.reshape(canvas, (-1, num_slots, *self.image_size, self.output_channels))  # [B,K,H,W,C]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "output_channels": self.output_channels,
                "filters": self.filters, "kernel_size": self.kernel_size, "constant": self.constant}
