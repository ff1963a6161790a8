"""The background model of AST-Seg and its robust loss against the arrays of the authors' program."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests.golden import ast_seg_weights as theirs
from tests.golden.ast_seg_case import AstSegGoldenTest, built
from tfobj.layers.background_autoencoder import BackgroundAutoencoder, background_channels
from tfobj.layers.coordinate_convolution import CoordinateConvolution
from tfobj.ops.robust_loss import background_loss


class GoldenAstSegBackgroundTest(AstSegGoldenTest):
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
        if "latent" not in case:
            self.skipTest("its weights are not shipped")
        layer = built(BackgroundAutoencoder((64, 64), case["enc_channels"][1:].tolist(),
                                            case["gen_channels"][1:].tolist()), (64, 64, 3))
        theirs.fill_background(layer, theirs.stored_weights(case))
        self.check_background(layer, case, case["image_0_255"] / 255.0)
        self.check_small_parts(layer, case)

    def check_small_parts(self, layer, case):
        """Blocks of the encoder, the loss before its mean, and gradients of the first and the last kernel."""
        image, maps = tf.constant(case["image_0_255"]), []
        with tf.GradientTape(persistent=True) as tape:
            features = image
            for block in layer.encoder:
                features = block(features)
                maps.append(features)
            output = layer.decode(features[:, 0, 0]) * 255.0
            terms = background_loss(image / 255.0, output / 255.0)
            loss = tf.reduce_mean(terms["loss"])
        for number in (0, 4):
            self.check(maps[number], case, f"enc_block{number}")
        for name in ("pixel_error", "pixel_weight"):
            self.check(terms[name], case, name)
        self.check(tape.gradient(loss, output), case, "grad_output", tolerance=1e-4)
        for block, name in ((layer.encoder[0], "grad_first_conv"), (layer.decoder[-1], "grad_last_deconv")):
            self.check_kernel_gradient(tape.gradient(loss, block.conv.kernel.value), case, name)

    def test_golden_ast_seg_background_coordinates(self):
        case = self.load("background_small64")
        for side in (64, 2, 1):
            layer = built(CoordinateConvolution(2, (side, side), (side, side), (1, 1), (1, 1), (0, 0), linear=True),
                          (side, side, 1))
            layer.conv.kernel.assign(np.eye(3, dtype=np.float32)[None, None, :, 1:])  # what it appends alone
            self.check(layer(keras.ops.zeros((1, side, side, 1)))[0], case, f"pos_{side}", (0, 1))

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


if __name__ == "__main__":
    unittest.main()
