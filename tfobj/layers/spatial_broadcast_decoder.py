"""Spatial broadcast decoder with transposed convolutions (Watters et al. 2019; Slot Attention, Tables 6 and 7)."""

import math

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.soft_position_embedding import SoftPositionEmbedding
from tfobj.layers.transposed_convolution import TransposedConvolution


@keras.saving.register_keras_serializable(package="tfobj")
class SpatialBroadcastDecoder(keras.layers.Layer):
    """Paints each slot on its own canvas, with weights shared by all slots.

    The slot vector is repeated over a small grid, a position embedding is added, and transposed convolutions bring
    the grid to the image size. Strides of 1 throughout give the full-resolution variant, which works for any image
    size such as 35x35; strides of 2 start from a coarser grid.

    Input: slots [B, K, D]. Output: [B, K, H, W, output_channels], linear.

    Args:
        image_size: Tuple (H, W).
        output_channels: int. E.g. 4 for colour and mask logit.
        channels: int. Width of the hidden layers.
        strides: Sequence of int. One hidden transposed convolution per entry.
        broadcast_size: int. Side of the broadcast grid; 0 takes the image size divided by the strides. Defaults to `0`.
        kernel_size: int. Kernel of the hidden layers. Defaults to `5`.
        output_kernel_size: int. Kernel of the last layer. Defaults to `3`.

    Raises:
        UserError: the grid times the strides is not the image size.
    """

    def __init__(self, image_size, output_channels, channels, strides, broadcast_size=0, kernel_size=5,
                 output_kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.output_channels = output_channels
        self.channels = channels
        self.strides = tuple(strides)
        self.broadcast_size = broadcast_size
        self.kernel_size = kernel_size
        self.output_kernel_size = output_kernel_size
        self.grid_size = _grid_size(self.image_size, self.strides, broadcast_size)

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.pos = SoftPositionEmbedding(name="pos", dtype=self.dtype_policy)
        self.deconvolutions = [
            TransposedConvolution(channels, kernel_size, stride, activation="relu", name=f"deconv{i}", **common)
            for i, stride in enumerate(self.strides)
        ]
        self.deconvolutions.append(TransposedConvolution(
            output_channels, output_kernel_size, name=f"deconv{len(self.strides)}", **common))

    def build(self, input_shape):
        shape = (None, *self.grid_size, input_shape[-1])
        self.pos.build(shape)
        for layer in self.deconvolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, slots):
        num_slots = ops.shape(slots)[1]
        canvas = self.broadcast(slots)
        for layer in self.deconvolutions:
            canvas = layer(canvas)
        return ops.reshape(canvas, (-1, num_slots, *self.image_size, self.output_channels))  # [B,K,H,W,C]

    def broadcast(self, slots):
        """Repeats the slots over the grid and adds the position embedding; [B*K, h, w, D]."""
        size = slots.shape[-1]
        flat = ops.reshape(slots, (-1, 1, 1, size))  # [B*K,1,1,D]
        # The sum with the embedded grid broadcasts; an explicit tile over two axes is miscompiled by OpenVINO.
        return self.pos(flat, size=self.grid_size)  # [B*K,h,w,D]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "output_channels": self.output_channels,
                "channels": self.channels, "strides": self.strides, "broadcast_size": self.broadcast_size,
                "kernel_size": self.kernel_size, "output_kernel_size": self.output_kernel_size}


def _grid_size(image_size, strides, broadcast_size):
    factor = math.prod(strides)
    grid = tuple(broadcast_size or side // factor for side in image_size)
    reached = tuple(side * factor for side in grid)
    if reached != image_size:
        raise UserError(
            f"the decoder cannot reach the image size {image_size[0]}x{image_size[1]}: a {grid[0]}x{grid[1]} grid with "
            f"strides {','.join(map(str, strides))} gives {reached[0]}x{reached[1]}; change --decoder_strides and "
            "--decoder_broadcast_size (strides of 1 with broadcast size 0 fit every image)")
    return grid
