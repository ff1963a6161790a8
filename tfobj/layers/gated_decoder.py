"""The decoder of gated convolutions that GENESIS shares between masks and components (Engelcke et al. 2020)."""

import keras

from tfobj.errors import UserError
from tfobj.layers.gated_convolution import GatedConvolution
from tfobj.layers.gated_encoder import gated_geometry
from tfobj.layers.torch_initializers import torch_defaults
from tfobj.ops.mirroring import mirrored

_KERNEL_SIZE = 5


@keras.saving.register_keras_serializable(package="tfobj")
class GatedDecoder(keras.layers.Layer):
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
        super().__init__(**kwargs)
        self.image_size, self.filters = tuple(image_size), tuple(filters)
        self.output_channels, self.normalization = output_channels, normalization
        strides, rest = gated_geometry(self.image_size)
        if len(self.filters) != len(strides) + 1:
            raise UserError(f"--decoder_filters={','.join(map(str, self.filters))}: expected {len(strides) + 1} numbers, "
                            f"one for each gated convolution, found {len(self.filters)}")
        first, *widths = self.filters

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.convolutions = [
            GatedConvolution(first, rest, geometry="expansion", normalization="none", name="dec0", **common),
            *(GatedConvolution(width, _KERNEL_SIZE, stride, "transposed", normalization, name=f"dec{i}", **common)
              for i, (width, stride) in enumerate(zip(widths, reversed(strides), strict=True), start=1))]
        self.out = keras.layers.Conv2D(output_channels, 1, name="out", **common, **torch_defaults(self.filters[-1]))

    def build(self, input_shape):
        depth = input_shape[-1]
        for convolution in self.convolutions:
            convolution.build((None, None, None, depth))
            depth = convolution.channels
        self.out.build((None, None, None, depth))

    def call(self, vectors):
        maps = vectors[:, None, None]  # [N,1,1,Z]
        for convolution in self.convolutions:
            maps = convolution(maps)
        return mirrored(self.out(maps), (1, 2))  # [N,H,W,output_channels]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "filters": self.filters,
                "output_channels": self.output_channels, "normalization": self.normalization}
