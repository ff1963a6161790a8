"""The trunk of a residual network (He et al. 2016), as DSPN encodes images with it."""

import keras
from keras import ops

from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.layers.padded_convolution import PaddedConvolution
from tfobj.layers.residual_block import ResidualBlock


@keras.saving.register_keras_serializable(package="tfobj")
class ResidualNetwork(keras.layers.Layer):
    """A 7x7 convolution and a pooling, both of stride 2, then stages of basic blocks, each of half the size.

    Input: [B, H, W, C]. Output: [B, h, w, channels * 2 ** (stages - 1)]; 128x128 become 4x4 with four stages.

    Args:
        channels: int. Of the first stage. Defaults to `64`.
        blocks: Sequence of int. Blocks of each stage. Defaults to `(3, 4, 6, 3)`, a ResNet-34.
    """

    def __init__(self, channels=64, blocks=(3, 4, 6, 3), **kwargs):
        super().__init__(**kwargs)
        self.channels, self.blocks = channels, tuple(blocks)
        common = {"dtype": self.dtype_policy}
        self.conv = PaddedConvolution(channels, 7, 2, use_bias=False, name="conv", **common)
        self.norm = BatchNormalization(name="norm", **common)
        self.pool = keras.layers.MaxPooling2D(3, 2, name="pool", **common)
        self.stages = [
            ResidualBlock(channels * 2**stage, 2 if stage and not block else 1, bool(stage and not block),
                          name=f"stage{stage}_block{block}", **common)
            for stage, number in enumerate(self.blocks) for block in range(number)]

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build((None, None, None, self.channels))
        channels = self.channels
        for block in self.stages:
            block.build((None, None, None, channels))
            channels = block.channels

    def call(self, image):
        maps = ops.relu(self.norm(self.conv(image)))
        maps = self.pool(ops.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0))))  # zeros are below all that follows a ReLU
        for block in self.stages:
            maps = block(maps)
        return maps

    def compute_output_shape(self, input_shape):
        sides = list(input_shape[1:3])
        for _ in range(1 + len(self.blocks)):
            sides = [side and -(-side // 2) for side in sides]
        return (input_shape[0], *sides, self.channels * 2**(len(self.blocks) - 1))

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "blocks": self.blocks}
