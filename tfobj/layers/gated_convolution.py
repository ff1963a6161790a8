"""The gated convolution of which GENESIS' mask autoencoder is made (Engelcke et al. 2020)."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.layers.group_normalization import GroupNormalization
from tfobj.layers.padded_convolution import PaddedConvolution
from tfobj.layers.pixel_expansion import PixelExpansion
from tfobj.layers.torch_initializers import torch_defaults
from tfobj.layers.transposed_convolution import TransposedConvolution

_NORMALIZATIONS = {"bn": BatchNormalization, "in": lambda **options: GroupNormalization(-1, **options), "none": None}


@keras.saving.register_keras_serializable(package="tfobj")
class GatedConvolution(keras.layers.Layer):
    """Convolves to features and gates, normalises them, and multiplies: h * sigmoid(g).

    Input: [B, h, w, C]. Output: [B, h', w', channels], whose size the geometry says:
        `padded`: PyTorch's convolution with a border of (kernel - 1) / 2 zeros.
        `whole`: the kernel covers the map, one pixel is left.
        `expansion`: the map is one pixel, the kernel is painted.
        `transposed`: PyTorch's transposed convolution with output padding stride - 1. This and `expansion` paint a
        canvas that is mirrored in both axes, see `TransposedConvolution`.

    Args:
        channels: int.
        kernel_size: int or tuple.
        strides: int. Defaults to `1`.
        geometry: str. Defaults to `padded`.
        normalization: str. `bn`, over the batch; `in`, over each map of each image; `none`. Defaults to `bn`.

    Raises:
        UserError: the normalisation is unknown.
    """

    def __init__(self, channels, kernel_size, strides=1, geometry="padded", normalization="bn", **kwargs):
        super().__init__(**kwargs)
        if normalization not in _NORMALIZATIONS:
            raise UserError(f"normalization={normalization!r} is unknown; choose one of: {', '.join(_NORMALIZATIONS)}")
        self.channels = channels
        self.kernel_size = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        self.strides = strides
        self.geometry = geometry
        self.normalization = normalization

        # === Layers ===
        norm = _NORMALIZATIONS[normalization]
        self.norm = norm(name="norm", dtype=self.dtype_policy) if norm else None

    def build(self, input_shape):
        both, from_maps = 2 * self.channels, self.geometry in ("padded", "whole")
        taps = self.kernel_size[0] * self.kernel_size[1]
        common = {"name": "conv", "dtype": self.dtype_policy,
                  **torch_defaults((input_shape[-1] if from_maps else both) * taps)}
        self.conv = {
            "padded": lambda: PaddedConvolution(both, self.kernel_size, self.strides, **common),
            "whole": lambda: keras.layers.Conv2D(both, self.kernel_size, **common),
            "expansion": lambda: PixelExpansion(both, self.kernel_size, mirrored=True, **common),
            "transposed": lambda: TransposedConvolution(both, self.kernel_size, self.strides, mirrored=True, **common),
        }[self.geometry]()
        self.conv.build(input_shape)
        if self.norm is not None:
            self.norm.build((None, None, None, both))

    def call(self, maps):
        maps = self.conv(maps)
        maps = maps if self.norm is None else self.norm(maps)  # of single channels: one does for both halves
        features, gates = ops.split(maps, 2, axis=-1)
        return features * ops.sigmoid(gates)  # [B,h',w',channels]

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kernel_size": self.kernel_size,
                "strides": self.strides, "geometry": self.geometry, "normalization": self.normalization}
