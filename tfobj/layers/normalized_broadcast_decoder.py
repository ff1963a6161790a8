"""Spatial broadcast decoder of GENESIS-V2: a coarse grid, strided transposed convolutions, group normalisation."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.group_normalization import GroupNormalization
from tfobj.layers.torch_initializers import torch_defaults
from tfobj.layers.transposed_convolution import TransposedConvolution
from tfobj.ops import coordinates
from tfobj.ops.mirroring import mirrored

_NUM_LAYERS, _KERNEL_SIZE = 4, 5


@keras.saving.register_keras_serializable(package="tfobj")
class NormalizedBroadcastDecoder(keras.layers.Layer):
    """Paints each slot on its own canvas, with weights shared by all slots.

    The latent is repeated over a grid of a sixteenth of the image size, its coordinates (row, column) from -1 to 1 are
    appended, and four times a transposed 5x5 convolution with stride 2, group normalisation and ReLU follow; a 1x1
    convolution ends it. The transposed convolutions are aligned as PyTorch's with padding 2 and output padding 1.

    Input: latents [B, K, D]. Output: [B, K, H, W, output_channels], linear.

    Args:
        image_size: Tuple (H, W), multiples of 16.
        output_channels: int. E.g. 4 for colour and mask logit.
        channels: int. Width of the hidden layers.
        groups: int. Groups of the normalisations. Defaults to `8`.

    Raises:
        UserError: the image size is no multiple of 16.
    """

    def __init__(self, image_size, output_channels, channels, groups=8, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.output_channels = output_channels
        self.channels = channels
        self.groups = groups
        if any(side % 2**_NUM_LAYERS for side in self.image_size):
            raise UserError(f"this model's decoder doubles a grid {_NUM_LAYERS} times, but images are "
                            f"{self.image_size[0]}x{self.image_size[1]}; choose an --image_size of multiples of "
                            f"{2**_NUM_LAYERS}")
        self.grid_size = tuple(side // 2**_NUM_LAYERS for side in self.image_size)

        # === Layers ===
        common, taps = {"dtype": self.dtype_policy}, channels * _KERNEL_SIZE**2
        self.deconvolutions = [
            TransposedConvolution(channels, _KERNEL_SIZE, 2, mirrored=True, name=f"deconv{i}", **common,
                                  **torch_defaults(taps)) for i in range(_NUM_LAYERS)]
        self.norms = [GroupNormalization(groups, name=f"norm{i}", **common) for i in range(_NUM_LAYERS)]
        self.out = keras.layers.Conv2D(output_channels, 1, name="out", **common, **torch_defaults(channels))

    def build(self, input_shape):
        shape = (None, *self.grid_size, input_shape[-1] + 2)
        for deconvolution, norm in zip(self.deconvolutions, self.norms):
            deconvolution.build(shape)
            shape = deconvolution.compute_output_shape(shape)
            norm.build(shape)
        self.out.build(shape)

    def call(self, latents):
        num_slots = latents.shape[1]
        canvas = self.broadcast(latents)
        for deconvolution, norm in zip(self.deconvolutions, self.norms):
            canvas = ops.relu(norm(deconvolution(canvas)))
        canvas = mirrored(self.out(canvas), (1, 2))
        return ops.reshape(canvas, (-1, num_slots, *self.image_size, self.output_channels))  # [B,K,H,W,C]

    def broadcast(self, latents):
        """Repeats the latents over the mirrored grid, see `TransposedConvolution`; [B*K, h, w, D+2]."""
        latents = ops.reshape(latents, (-1, 1, 1, latents.shape[-1]))  # [B*K,1,1,D]
        grid = coordinates.linear_grid(*self.grid_size)[:, ::-1, ::-1]
        grid = ops.convert_to_tensor(grid, dtype=self.compute_dtype)  # [1,h,w,2]
        # Sums that broadcast; an explicit tile over two axes is miscompiled by OpenVINO.
        return ops.concatenate([latents + ops.zeros_like(grid[..., :1]), ops.zeros_like(latents[..., :1]) + grid],
                               axis=-1)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "output_channels": self.output_channels,
                "channels": self.channels, "groups": self.groups}
