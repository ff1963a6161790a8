"""The Mix Transformer, backbone of SegFormer (Xie et al. 2021, Section 3.1 and Table 6)."""

import keras
import numpy as np
from keras import ops

from tfobj.layers.mix_transformer_block import MixTransformerBlock
from tfobj.ops.dropout import fold_in

_KERNELS, _STRIDES = (7, 3, 3, 3), (4, 2, 2, 2)
_HEADS, _REDUCTIONS = (1, 2, 5, 8), (8, 4, 2, 1)


@keras.saving.register_keras_serializable(package="tfobj")
class MixTransformer(keras.layers.Layer):
    """Four stages, each a convolution to a coarser map, blocks of attention and a normalisation.

    There are no position embeddings: zero padding of the convolutions tells where a pixel is.

    Input: images [B, H, W, C], and seeds uint32 [B] of `tfobj.ops.dropout` or None. Output: list of four maps
    [B, h, w, widths[i]], h and w about H and W divided by 4, 8, 16 and 32.

    Args:
        widths: Sequence of four ints, multiples of 1, 2, 5 and 8, the heads.
        depths: Sequence of four ints. Blocks of each stage.
        drop_path_rate: float. Of the last block; that of the first is 0 and those between rise linearly. Defaults to
            `0.1`.
    """

    def __init__(self, widths, depths, drop_path_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        self.depths = tuple(depths)
        self.drop_path_rate = drop_path_rate

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        rates = iter(np.linspace(0.0, drop_path_rate, sum(self.depths)).tolist())
        self.patches = [
            keras.layers.Conv2D(width, kernel, stride, name=f"patches{i}",
                                kernel_initializer=keras.initializers.RandomNormal(stddev=0.02), **common)
            for i, (width, kernel, stride) in enumerate(zip(self.widths, _KERNELS, _STRIDES))]
        self.patch_norms, self.norms = (
            [keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}{i}", **common) for i in range(4)]
            for name in ("patch_norm", "norm"))
        self.blocks = [
            [MixTransformerBlock(self.widths[i], _HEADS[i], _REDUCTIONS[i], next(rates), name=f"block{i}_{j}",
                                 **common) for j in range(depth)]
            for i, depth in enumerate(self.depths)]

    def build(self, input_shape):
        depth = input_shape[-1]
        for i, width in enumerate(self.widths):
            self.patches[i].build((None, None, None, depth))
            depth = width
            for layer in (self.patch_norms[i], *self.blocks[i], self.norms[i]):
                layer.build((None, None, None, depth))

    def call(self, image, seeds=None):
        maps, outputs, number = image, [], 0
        for i, kernel in enumerate(_KERNELS):
            maps = ops.pad(maps, ((0, 0), *[(kernel // 2, kernel // 2)] * 2, (0, 0)))
            maps = self.patch_norms[i](self.patches[i](maps))
            for block in self.blocks[i]:
                maps = block(maps, seeds=fold_in(seeds, number))
                number += 1
            maps = self.norms[i](maps)
            outputs.append(maps)
        return outputs

    def get_config(self):
        return {**super().get_config(), "widths": self.widths, "depths": self.depths,
                "drop_path_rate": self.drop_path_rate}
