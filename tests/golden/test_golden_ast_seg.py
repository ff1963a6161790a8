"""The parts of AST-Seg against the arrays of the authors' program.

Archives that are not there, and entries that a trimmed archive lacks, are not compared; pictures may be thinned out.
"""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests.golden import ast_seg_weights as theirs
from tfobj.layers.activation_occlusion import ActivationOcclusion
from tfobj.layers.background_autoencoder import BackgroundAutoencoder, background_channels
from tfobj.layers.celu_convolution import CeluConvolution
from tfobj.layers.celu_unet import CeluUNet, unet_widths
from tfobj.layers.glimpse_generator import GlimpseGenerator, glimpse_channels
from tfobj.layers.segformer import VARIANTS, SegFormer
from tfobj.layers.slot_transformer import SlotTransformer
from tfobj.layers.soft_argmax_pooling import SoftArgmaxPooling
from tfobj.ops.layer_composition import layer_terms
from tfobj.ops.object_latents import split_latents
from tfobj.ops.resampling import paint_glimpses
from tfobj.ops.robust_loss import background_loss

FORWARD_TOLERANCE = 4e-5
GRADIENT_TOLERANCE = 3e-4


def built(layer, image_shape):
    layer.build((None, *image_shape))
    return layer


class GoldenAstSegTest(unittest.TestCase):
    def load(self, stem):
        if not (golden_arrays.directory() / f"ast_seg_{stem}.npz").is_file():
            self.skipTest(f"ast_seg_{stem}.npz is not shipped")
        return golden_arrays.load(f"ast_seg_{stem}")

    def check(self, actual, case, name, axes=None):
        """Compares with an entry that may be thinned along rows and columns."""
        if name not in case:
            return
        actual = keras.ops.convert_to_numpy(actual)
        if axes:
            every = -(-actual.shape[axes[1]] // case[name].shape[axes[1]])
            index = [slice(None)] * actual.ndim
            for axis in axes:
                index[axis] = slice(None, None, every)
            actual = actual[tuple(index)]
        tolerance = GRADIENT_TOLERANCE if "grad" in name else FORWARD_TOLERANCE
        self.assertLess(golden_arrays.relative_error(actual, case[name]), tolerance, name)

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

    def test_golden_ast_seg_transformer(self):
        case = self.load("transformer")
        layer = SlotTransformer(11, 32, int(case["num_heads"]), 48, 2)
        layer.build(None)
        theirs.fill_transformer(layer, theirs.stored_weights(case))
        pooled = tf.constant(case["pooled"])
        with tf.GradientTape() as tape:
            tape.watch(pooled)
            latents = layer(pooled)
            scalar = tf.reduce_sum(latents * case["cotangent"])
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

    def test_golden_ast_seg_background_loss(self):
        arrays = self.load("background_loss")
        for prefix in {name.split("/")[0] + "/" for name in arrays}:
            output = tf.constant(arrays[f"{prefix}output_0_255"])
            with tf.GradientTape() as tape:
                tape.watch(output)
                terms = background_loss(arrays[f"{prefix}image_0_255"] / 255.0, output / 255.0)
                loss = tf.reduce_mean(terms["loss"])
            self.check(loss, arrays, f"{prefix}loss")
            for name in ("pixel_error", "pixel_weight"):
                self.check(terms[name], arrays, f"{prefix}{name}", (1, 2))
            self.check(tape.gradient(loss, output), arrays, f"{prefix}grad_output", (1, 2))

    def test_golden_ast_seg_background_small64(self):
        case = self.load("background_small64")
        layer = built(BackgroundAutoencoder((64, 64), case["enc_channels"][1:].tolist(),
                                            case["gen_channels"][1:].tolist()), (64, 64, 3))
        theirs.fill_background(layer, theirs.stored_weights(case))
        self.check_background(layer, case, case["image_0_255"] / 255.0)

    def test_golden_ast_seg_full_background(self):
        for complexity, side in (("simple", 128), ("complex", 64), ("complex", 128)):
            with self.subTest(complexity=complexity, side=side):
                case = self.load(f"full_background_{complexity}{side}")
                size = (side, side)
                layer = built(BackgroundAutoencoder(size, *background_channels(size, complexity)), (*size, 3))
                theirs.fill_background(layer, theirs.recipe_weights(case))
                self.check_background(layer, case, theirs.recipe_image(case, (*size, 3)))

    def check_background(self, layer, case, image):
        output = layer(image)
        self.check(layer.encode(image), case, "latent")
        self.check(output * 255.0, case, "output_0_255", (1, 2))
        self.check(tf.reduce_mean(background_loss(image, output)["loss"]), case, "loss")

    def test_golden_ast_seg_render(self):
        for name in ("varbg48x64", "aniso64", "iso64", "aniso128"):
            with self.subTest(name):
                case = self.load(f"render_{name}")
                self.check_render(case, "")
                if "paper_weights" in case:
                    self.check_render(case, "paper_")

    def check_render(self, case, prefix):
        """The program's scene, or (`paper_`) the one with the activation where the paper has it."""
        latents, background = tf.constant(case["latents"]), tf.constant(case["background"])
        count, num_slots = latents.shape[:2]
        size = background.shape[1:3]
        occlusion = ActivationOcclusion(size, per_pixel="local_background_activation_logit" in case)
        occlusion(tf.zeros((1, 1)), tf.zeros((1, 1, *size)))
        occlusion.background.assign(case["background_activation_logit"])
        if occlusion.per_pixel:
            occlusion.local.assign(case["local_background_activation_logit"])
        generator = self.generator_of(case, size)
        watched = {"latents": latents, "background": background,
                   "background_activation_logit": occlusion.background.value}
        if occlusion.per_pixel:
            watched["local_background_activation_logit"] = occlusion.local.value
        if generator is not None:
            watched["glimpse_last_bias"] = generator.final.bias.value
        with tf.GradientTape() as tape:
            tape.watch(watched)
            parts = split_latents(latents, case["scales"].shape[-1], (float(case["s_min"]), float(case["s_max"])),
                                  reference_activation=not prefix)
            rows = {key: tf.reshape(value, (count * num_slots, -1)) for key, value in parts.items()}
            glimpses = tf.reshape(case["glimpses"], (-1, *case["glimpses"].shape[2:])) if generator is None else \
                generator(rows["appearance"])
            layers = paint_glimpses(glimpses, rows["positions"], rows["inverse_scales"], size)
            layers = tf.reshape(layers, (count, num_slots, *size, 4))
            masks = occlusion(parts["activations"], layers[..., 3])
            colours = tf.concat([background[:, None], layers[..., :3]], axis=1)
            reconstruction = tf.reduce_sum(masks[..., None] * colours, axis=1)
            terms = {key: tf.reduce_mean(value)
                     for key, value in layer_terms(case["image"], reconstruction, masks).items()}
            total = terms["reconstruction"] + 0.01 * terms["pixel_entropy"]
        self.check(masks, case, f"{prefix}weights", (2, 3))
        self.check(reconstruction, case, f"{prefix}reconstruction", (1, 2))
        self.check(terms["reconstruction"], case, f"{prefix}rec_loss")
        self.check(terms["pixel_entropy"], case, f"{prefix}pixel_entropy_loss")
        if prefix:
            return
        self.check(parts["positions"], case, "positions")
        self.check(parts["appearance"], case, "z_what")
        self.check(tf.reshape(glimpses, case["glimpses"].shape), case, "glimpses")
        self.check(layers, case, "layers", (2, 3))
        self.check(1.0 - masks[:, 0], case, "foreground_mask", (1, 2))
        self.check(tf.argmax(masks, axis=1), case, "segmentation", (1, 2))
        self.check_render_gradients(case, tape.gradient(total, watched), generator is None)

    def generator_of(self, case, size):
        """The glimpse generator, or None where its weights were left out."""
        weights = theirs.stored_weights(case)
        if not weights:
            return None
        generator = GlimpseGenerator(glimpse_channels(size))
        generator.build(case["z_what"].shape[-1:])
        theirs.fill_glimpse_generator(generator, weights)
        return generator

    def check_render_gradients(self, case, gradients, without_generator):
        axes = {"background": (1, 2), "local_background_activation_logit": (0, 1)}
        latents = gradients.pop("latents")
        for name, gradient in gradients.items():
            self.check(gradient, case, f"grad_{name}", axes.get(name))
        seen = 3 + case["scales"].shape[-1] if without_generator else None  # the appearance has no effect without
        expected = case["grad_latents"][..., :seen]
        error = golden_arrays.relative_error(latents[..., :seen], expected)
        self.assertLess(error, GRADIENT_TOLERANCE, "grad_latents")


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
