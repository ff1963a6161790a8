"""The decoder of gated convolutions that GENESIS shares between masks and components (Engelcke et al. 2020)."""

import keras

from tfobj.layers.gated_convolution import GatedConvolution
from tfobj.layers.gated_stack import KERNEL_SIZE, GatedStack
from tfobj.layers.torch_initializers import torch_defaults
from tfobj.ops.mirroring import mirrored


@keras.saving.register_keras_serializable(package="tfobj")
class GatedDecoder(GatedStack):
    """The way back of `GatedEncoder`: a gated expansion of one pixel without normalisation, five gated transposed 5x5
    convolutions with its strides in reverse, and a 1x1 convolution.

    In training, batch normalisation sees all vectors of the call.

    Input: [N, Z]. Output: [N, H, W, output_channels], linear.

    Args:
        image_size: Tuple (H, W), see `gated_geometry`.
        filters: Sequence of six ints.
        output_channels: int.
        normalization: str. See `GatedConvolution`. Defaults to `bn`.

    Raises:
        UserError: the image size or the number of filters does not fit.
    """

    def __init__(self, image_size, filters, output_channels, normalization="bn", **kwargs):
        super().__init__(image_size, filters, normalization, 1, "decoder_filters", **kwargs)
        self.output_channels = output_channels
        first, *widths = self.filters

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.convolutions = [
            GatedConvolution(first, self.rest, geometry="expansion", normalization="none", name="dec0", **common),
            *(GatedConvolution(width, KERNEL_SIZE, stride, "transposed", normalization, name=f"dec{i}", **common)
              for i, (width, stride) in enumerate(zip(widths, reversed(self.strides), strict=True), start=1))]
        self.out = keras.layers.Conv2D(output_channels, 1, name="out", **common, **torch_defaults(self.filters[-1]))

    def build(self, input_shape):
        super().build(input_shape)
        self.out.build((None, None, None, self.filters[-1]))

    def call(self, vectors):
        maps = self.convolved(vectors[:, None, None])  # [N,H,W,filters[-1]]
        return mirrored(self.out(maps), (1, 2))  # [N,H,W,output_channels]

    def get_config(self):
        return {**super().get_config(), "output_channels": self.output_channels}
