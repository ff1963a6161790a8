"""The U-Net of GENESIS-V2 (Engelcke et al. 2021) and of the MONet of the same authors."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.convolution_block import ConvolutionBlock
from tfobj.layers.torch_initializers import torch_defaults

_MLP_SIZE = 128


@keras.saving.register_keras_serializable(package="tfobj")
class UNet(keras.layers.Layer):
    """Blocks on ever coarser grids, a dense network at the bottom, and blocks on the way back, with skips.

    A grid of side S has int(log2(S) - 1) levels: 4 for 32, 5 for 64, 6 for 128. Grids are halved by keeping every
    second pixel and doubled by repeating pixels. The last three blocks down and the first two up are twice as wide.

    Input: [B, S, S, C]. Output: [B, S, S, channels], non-negative; or [B, S, S, output_channels], linear.

    Args:
        image_size: Tuple (H, W), both S, 16 or more.
        channels: int. Width of the finest level.
        groups: int. Groups of the normalisations, -1 for instance normalisation. Defaults to `8`.
        output_channels: int. Channels of a last 1x1 convolution; 0 for none. Defaults to `0`.

    Raises:
        UserError: the image is not square or cannot be halved so often.
    """

    def __init__(self, image_size, channels, groups=8, output_channels=0, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.channels = channels
        self.groups = groups
        self.output_channels = output_channels
        self.num_levels = _num_levels(self.image_size)

        # === Layers ===
        common, levels = {"dtype": self.dtype_policy}, range(self.num_levels)
        self.down = [ConvolutionBlock(channels * (2 if i >= self.num_levels - 3 else 1), groups, name=f"down{i}",
                                      **common) for i in levels]
        self.up = [ConvolutionBlock(channels * (2 if i < 2 else 1), groups, name=f"up{i}", **common) for i in levels]
        self.bottom_size = self.image_size[0] // 2**(self.num_levels - 1)
        bottom = 2 * channels * self.bottom_size**2
        self.mlp = [keras.layers.Dense(units, activation="relu", name=f"mlp{i}", **common, **torch_defaults(inputs))
                    for i, (inputs, units) in enumerate(((bottom, _MLP_SIZE), (_MLP_SIZE, _MLP_SIZE),
                                                         (_MLP_SIZE, bottom)))]
        self.final = keras.layers.Conv2D(output_channels, 1, name="final", **common,
                                         **torch_defaults(channels)) if output_channels else None

    def build(self, input_shape):
        channels = input_shape[-1]
        for block in self.down:
            block.build((None, None, None, channels))
            channels = block.channels
        for layer, size in zip(self.mlp, (self.mlp[-1].units, _MLP_SIZE, _MLP_SIZE)):
            layer.build((None, size))
        for block, skip in zip(self.up, reversed(self.down)):
            block.build((None, None, None, channels + skip.channels))
            channels = block.channels
        if self.final is not None:
            self.final.build((None, None, None, channels))

    def call(self, image):
        features = self.stages(image)["up"][-1]
        return features if self.final is None else self.final(features)  # [B,S,S,channels or output_channels]

    def stages(self, image):
        """Runs the blocks.

        Args:
            image: [B, S, S, C].

        Returns:
            Dict: `down`, list of the blocks' outputs from fine to coarse; `mlp`, [B, s, s, 2 * channels] of the dense
            network; `up`, list of the blocks' outputs from coarse to fine, before doubling.
        """
        down, up = [], []
        for block in self.down:
            image = block(down[-1][:, ::2, ::2] if down else image)
            down.append(image)
        bottom = features = self._bottom(image)
        for block, skip in zip(self.up, reversed(down)):
            features = _doubled(features) if up else features
            features = block(ops.concatenate([features, skip], axis=-1))
            up.append(features)
        return {"down": down, "mlp": bottom, "up": up}

    def _bottom(self, features):
        """The dense network over all that is left of the image, [B,s,s,2c] of the same shape."""
        shape = features.shape[1:]
        features = ops.reshape(features, (-1, self.mlp[-1].units))  # [B,s*s*2c]
        for layer in self.mlp:
            features = layer(features)
        return ops.reshape(features, (-1, *shape))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_channels or self.channels)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "channels": self.channels,
                "groups": self.groups, "output_channels": self.output_channels}


def _doubled(features):
    """Repeats every pixel twice along both axes: [B,H,W,C] -> [B,2H,2W,C]."""
    height, width, channels = features.shape[1:]
    features = ops.stack([features, features], axis=3)  # [B,H,W,2,C]
    features = ops.stack([features, features], axis=2)  # [B,H,2,W,2,C]
    return ops.reshape(features, (-1, 2 * height, 2 * width, channels))


def _num_levels(image_size):
    height, width = image_size
    levels = height.bit_length() - 2  # int(log2(height) - 1)
    if height != width or height < 16 or height % 16 or height % 2**(levels - 1):
        raise UserError(f"this model needs square images whose side is 32, 64, 128 or another multiple of 16 that can "
                        f"be halved to 4 to 7 pixels, but they are {height}x{width}; choose another --image_size or "
                        "--preprocessing")
    return levels
