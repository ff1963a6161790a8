"""What gated encoders and decoders share: geometry, one gated convolution after the other (Engelcke et al. 2020)."""

import math

import keras

from tfobj.errors import UserError

KERNEL_SIZE = 5
"""Of every convolution but the one that takes the whole map to one pixel or back."""
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


class GatedStack(keras.layers.Layer):
    """Base of `GatedEncoder` and `GatedDecoder`, which set `convolutions`.

    Args:
        image_size: Tuple (H, W), see `gated_geometry`.
        filters: Sequence of ints.
        normalization: str. See `GatedConvolution`.
        further: int. Filters beyond one for each stride.
        flag: str. The flag that sets `filters`, for the message.
        **kwargs: Those of a Keras layer.

    Attributes:
        strides: Those of the encoder, five ints.
        rest: Tuple (h, w), size of the map that remains.

    Raises:
        UserError: the image size or the number of filters does not fit.
    """

    def __init__(self, image_size, filters, normalization, further, flag, **kwargs):
        super().__init__(**kwargs)
        self.image_size, self.filters, self.normalization = tuple(image_size), tuple(filters), normalization
        self.strides, self.rest = gated_geometry(self.image_size)
        wanted = len(self.strides) + further
        if len(self.filters) != wanted:
            raise UserError(f"--{flag}={','.join(map(str, self.filters))}: expected {wanted} numbers, one for each "
                            f"gated convolution, found {len(self.filters)}")

    def build(self, input_shape):
        depth = input_shape[-1]
        for convolution in self.convolutions:
            convolution.build((None, None, None, depth))
            depth = convolution.channels

    def convolved(self, maps):
        """The maps behind the last convolution."""
        for convolution in self.convolutions:
            maps = convolution(maps)
        return maps

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "filters": self.filters,
                "normalization": self.normalization}
