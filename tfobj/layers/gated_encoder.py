"""The encoder of gated convolutions that GENESIS shares between masks and components (Engelcke et al. 2020)."""

import math

import keras

from tfobj.errors import UserError
from tfobj.layers.gated_convolution import GatedConvolution

_KERNEL_SIZE = 5
# Longest side of the image -> strides of the encoder.
_STRIDES = {64: (1, 2, 1, 2, 1), 128: (2, 2, 2, 1, 1), 256: (2, 2, 2, 2, 1)}


def gated_geometry(image_size):
    """How gated encoders and decoders go between an image and one pixel.

    Args:
        image_size: Tuple (H, W).

    Returns:
        Tuple: strides of the encoder, five ints, and the size (h, w) of the map that remains, the kernel that takes it
        to one pixel.

    Raises:
        UserError: the image cannot be halved so often, or is larger than 256.
    """
    strides = next((strides for side, strides in _STRIDES.items() if max(image_size) <= side), None)
    factor = math.prod(strides or (0,))
    if not factor or any(side % factor for side in image_size):
        raise UserError(f"this model needs images whose sides are multiples of 4 up to 64, of 8 up to 128, or of 16 up "
                        f"to 256, but they are {image_size[0]}x{image_size[1]}; choose another --image_size or "
                        "--preprocessing")
    return strides, tuple(side // factor for side in image_size)


@keras.saving.register_keras_serializable(package="tfobj")
class GatedEncoder(keras.layers.Layer):
    """Five gated 5x5 convolutions and one, without normalisation, that covers all that is left.

    Input: [B, H, W, C]. Output: [B, output_size].

    Args:
        image_size: Tuple (H, W), see `gated_geometry`.
        filters: Sequence of five ints.
        output_size: int.
        normalization: str. See `GatedConvolution`. Defaults to `bn`.

    Raises:
        UserError: the image size or the number of filters does not fit.
    """

    def __init__(self, image_size, filters, output_size, normalization="bn", **kwargs):
        super().__init__(**kwargs)
        self.image_size, self.filters = tuple(image_size), tuple(filters)
        self.output_size, self.normalization = output_size, normalization
        strides, rest = gated_geometry(self.image_size)
        if len(self.filters) != len(strides):
            raise UserError(f"--encoder_filters={','.join(map(str, self.filters))}: expected {len(strides)} numbers, one "
                            f"for each strided convolution, found {len(self.filters)}")

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.convolutions = [
            *(GatedConvolution(width, _KERNEL_SIZE, stride, normalization=normalization, name=f"enc{i}", **common)
              for i, (width, stride) in enumerate(zip(self.filters, strides, strict=True))),
            GatedConvolution(output_size, rest, geometry="whole", normalization="none", name=f"enc{len(strides)}",
                             **common)]

    def build(self, input_shape):
        depth = input_shape[-1]
        for convolution in self.convolutions:
            convolution.build((None, None, None, depth))
            depth = convolution.channels

    def call(self, maps):
        for convolution in self.convolutions:
            maps = convolution(maps)
        return maps[:, 0, 0]  # [B,output_size]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "filters": self.filters,
                "output_size": self.output_size, "normalization": self.normalization}
