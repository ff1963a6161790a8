"""SegFormer (Xie et al. 2021) as the feature generator of AST-Seg: an image becomes maps of a quarter of its sides."""

import keras

from tfobj.layers.mix_transformer import MixTransformer
from tfobj.layers.segformer_head import SegFormerHead
from tfobj.ops.dropout import fold_in

VARIANTS = {
    "b0": ((32, 64, 160, 256), (2, 2, 2, 2), 256),
    "b1": ((64, 128, 320, 512), (2, 2, 2, 2), 256),
    "b2": ((64, 128, 320, 512), (3, 4, 6, 3), 768),
    "b3": ((64, 128, 320, 512), (3, 4, 18, 3), 768),
    "b4": ((64, 128, 320, 512), (3, 8, 27, 3), 768),
    "b5": ((64, 128, 320, 512), (3, 6, 40, 3), 768),
    "tiny": ((8, 16, 20, 32), (1, 1, 1, 1), 24),  # ours, for tests and smoke runs
}
"""Widths and depths of the stages and width of the head of each published size, MiT-B0 to B5."""


@keras.saving.register_keras_serializable(package="tfobj")
class SegFormer(keras.layers.Layer):
    """Mix Transformer and the head that joins its stages, without the resizing to the image's size.

    Input: images [B, H, W, C], and seeds uint32 [B] of `tfobj.ops.dropout` or None. Output: [B, h, w, num_maps], h and
    w being H / 4 and W / 4, rounded up.

    Args:
        num_maps: int.
        widths: Sequence of four ints.
        depths: Sequence of four ints.
        head_width: int.
        dropout_rate: float. Of the head. Defaults to `0.1`.
        drop_path_rate: float. Of the last block of the backbone. Defaults to `0.1`.
    """

    def __init__(self, num_maps, widths, depths, head_width, dropout_rate=0.1, drop_path_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.options = {"num_maps": num_maps, "widths": tuple(widths), "depths": tuple(depths),
                        "head_width": head_width, "dropout_rate": dropout_rate, "drop_path_rate": drop_path_rate}

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.backbone = MixTransformer(widths, depths, drop_path_rate, name="backbone", **common)
        self.head = SegFormerHead(num_maps, head_width, dropout_rate, name="head", **common)

    def build(self, input_shape):
        self.backbone.build(input_shape)
        self.head.build([(None, None, None, width) for width in self.backbone.widths])

    def call(self, image, seeds=None):
        return self.head(self.backbone(image, seeds=fold_in(seeds, 0)), seeds=fold_in(seeds, 1))

    def get_config(self):
        return {**super().get_config(), **self.options}
