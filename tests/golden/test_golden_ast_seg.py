"""The feature generators, the pooling and the transformer of AST-Seg against the arrays of the authors' program."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests.golden import ast_seg_weights as theirs
from tests.golden.ast_seg_case import AstSegGoldenTest, built
from tfobj.layers.celu_convolution import CeluConvolution
from tfobj.layers.celu_unet import CeluUNet, unet_widths
from tfobj.layers.segformer import VARIANTS, SegFormer
from tfobj.layers.slot_transformer import SlotTransformer
from tfobj.layers.soft_argmax_pooling import SoftArgmaxPooling


class GoldenAstSegTest(AstSegGoldenTest):
    def test_golden_ast_seg_softargmax(self):
        arrays = self.load("softargmax")
        for prefix in {name.split("/")[0] + "/" for name in arrays}:
            maps = tf.constant(arrays[f"{prefix}head_output"])
            with tf.GradientTape() as tape:
                tape.watch(maps)
                pooled, attention = SoftArgmaxPooling(arrays[f"{prefix}pooled"].shape[1])(maps)
                scalar = tf.reduce_sum(pooled * arrays[f"{prefix}cotangent"])
            self.check(pooled, arrays, f"{prefix}pooled")
            self.check(attention, arrays, f"{prefix}attention")
            self.check(tape.gradient(scalar, maps), arrays, f"{prefix}grad_head_output")

    def test_golden_ast_seg_softargmax_grid(self):
        """With as many slots as places, each of which sees its own place alone."""
        arrays = self.load("softargmax")
        for name in (name for name in arrays if name.endswith("grid_xy")):
            height, width = arrays[name].shape[:2]
            maps = 1e4 * np.eye(height * width, dtype=np.float32).reshape(1, height, width, height * width)
            places, _ = SoftArgmaxPooling(height * width)(maps)
            self.check(np.reshape(places, (height, width, 2)), arrays, name)

    def test_golden_ast_seg_transformer(self):
        case = self.load("transformer")
        layer = SlotTransformer(11, 32, int(case["num_heads"]), 48, 2)
        layer.build(None)
        theirs.fill_transformer(layer, theirs.stored_weights(case))
        pooled = tf.constant(case["pooled"])
        with tf.GradientTape() as tape:
            tape.watch(pooled)
            embedded = layer.embedding(pooled)
            first = layer.layers[0](embedded)
            latents = layer(pooled)
            scalar = tf.reduce_sum(latents * case["cotangent"])
        self.check(embedded, case, "embedded")
        self.check(first, case, "layer0_out")
        self.check(layer.layers[1](first), case, "layer1_out")
        self.check(latents, case, "latents")
        self.check(tape.gradient(scalar, pooled), case, "grad_pooled")

    def test_golden_ast_seg_full_transformer(self):
        case = self.load("full_transformer")
        layer = SlotTransformer(case["pooled"].shape[-1])
        layer.build(None)
        theirs.fill_transformer(layer, theirs.recipe_weights(case))
        self.check(layer(case["pooled"]), case, "latents")

    def test_golden_ast_seg_segformer_tiny(self):
        case = self.load("segformer_tiny")
        layer = built(SegFormer(14, case["hidden_dims"].tolist(), case["depths"].tolist(), int(case["decoder_width"])),
                      (64, 64, 3))
        theirs.fill_segformer(layer, theirs.stored_weights(case))
        for number, maps in enumerate(layer.backbone(case["image"])):
            self.check(maps, case, f"stage{number}")
        self.check(layer(case["image"]), case, "head_output")

    def test_golden_ast_seg_full_segformer_b3(self):
        case = self.load("full_segformer_b3")
        layer = built(SegFormer(45, *VARIANTS["b3"]), (128, 128, 3))
        theirs.fill_segformer(layer, theirs.recipe_weights(case))
        self.check(layer(theirs.recipe_image(case, (128, 128, 3))), case, "head_output", (1, 2))

    def test_golden_ast_seg_full_unet64(self):
        case = self.load("full_unet64")
        layer = built(CeluUNet((64, 64), 40, unet_widths((64, 64))), (64, 64, 3))
        theirs.fill_unet(layer, theirs.recipe_weights(case))
        self.check(layer(theirs.recipe_image(case, (64, 64, 3))), case, "head_output", (1, 2))

    def test_golden_ast_seg_unet_blocks(self):
        arrays = self.load("unet_blocks")
        for prefix, layers in (("down", (CeluConvolution(10, 2), CeluConvolution(10))),
                               ("up", (CeluConvolution(12), CeluConvolution(5, 2, (12, 16))))):
            inputs, depth = arrays[f"{prefix}/input"], arrays[f"{prefix}/input"].shape[-1]
            for number, layer in enumerate(layers):
                built(layer, (None, None, (depth, layers[0].channels)[number]))
                theirs.fill_celu(layer, theirs.stored_weights(arrays, f"{prefix}/w/"), f"bloc{number + 1}")
            block = _Block(layers, prefix == "up")
            self.check(block(inputs), arrays, f"{prefix}/output_eval")
            old = arrays[f"{prefix}/w/bloc1.1.running_var"]
            self.check(block(inputs, training=True), arrays, f"{prefix}/output_train")
            norm, count = layers[0].norm, 2 * 6 * 8
            self.check(norm.moving_mean, arrays, f"{prefix}/running_mean_after")
            # PyTorch stores the variance of the population as that of a sample.
            unbiased = 0.9 * old + (norm.moving_variance - 0.9 * old) * count / (count - 1)
            self.check(unbiased, arrays, f"{prefix}/running_var_after")


class _Block(keras.layers.Layer):
    """Two convolutions with the sum that the U-Net makes of them."""

    def __init__(self, layers, is_up):
        super().__init__()
        self.first, self.second = layers
        self.is_up = is_up

    def call(self, inputs, training=None):
        maps = self.first(inputs)
        return self.second(maps + inputs) if self.is_up else self.second(maps) + maps


if __name__ == "__main__":
    unittest.main()
