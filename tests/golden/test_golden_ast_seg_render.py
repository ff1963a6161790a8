"""Objects of AST-Seg, from latents to losses, against the arrays of the authors' program."""

import unittest

import tensorflow as tf

from tests import golden_arrays
from tests.golden import ast_seg_weights as theirs
from tests.golden.ast_seg_case import GRADIENT_TOLERANCE, AstSegGoldenTest
from tfobj.layers.activation_occlusion import ActivationOcclusion
from tfobj.layers.glimpse_generator import GlimpseGenerator, glimpse_channels
from tfobj.ops.layer_composition import layer_terms
from tfobj.ops.object_latents import split_latents
from tfobj.ops.resampling import paint_glimpses

SCENES = ("varbg48x64", "aniso64", "iso64", "aniso128")


class GoldenAstSegRenderTest(AstSegGoldenTest):
    def test_golden_ast_seg_latents(self):
        """Where the activation is: the program's place, and with one scale also the paper's."""
        for name in SCENES:
            with self.subTest(name):
                case = self.load(f"render_{name}")
                scales = case["scales"].shape[-1]
                for prefix in ("", "paper_"):
                    parts = split_latents(case["latents"], scales, (float(case["s_min"]), float(case["s_max"])),
                                          reference_activation=not prefix)
                    self.check(parts["activations"], case, f"{prefix}alpha_logit")
                self.check(parts["positions"], case, "positions")
                self.check(parts["appearance"], case, "z_what")
                self.check(parts["inverse_scales"][..., :scales], case, "scales")

    def test_golden_ast_seg_render(self):
        for name in SCENES:
            with self.subTest(name):
                case = self.load(f"render_{name}")
                if "background" not in case:
                    self.skipTest("its pictures are not shipped")
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
            watched["glimpse_first_weight"] = generator.deconvolutions[0].kernel.value
        with tf.GradientTape(persistent=True) as tape:
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
        self.check(total, case, "total_loss_full_weight")
        self.check(tf.reshape(glimpses, case["glimpses"].shape), case, "glimpses")
        self.check(layers, case, "layers", (2, 3))
        self.check(1.0 - masks[:, 0], case, "foreground_mask", (1, 2))
        self.check(tf.argmax(masks, axis=1), case, "segmentation", (1, 2))
        self.check_render_gradients(case, tape.gradient(total, watched), generator is None)
        entropy_gradient = tape.gradient(terms["pixel_entropy"], latents)
        self.check_latents_gradient(case, "grad_latents_pixel_entropy", entropy_gradient, generator is None)

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
        self.check_latents_gradient(case, "grad_latents", gradients.pop("latents"), without_generator)
        if not without_generator:
            self.check_kernel_gradient(gradients.pop("glimpse_first_weight"), case, "grad_glimpse_first_weight")
        for name, gradient in gradients.items():
            self.check(gradient, case, f"grad_{name}", axes.get(name))

    def check_latents_gradient(self, case, name, gradient, without_generator):
        expected = case[name]
        if without_generator:  # the appearance has no effect
            seen = 3 + case["scales"].shape[-1]
            gradient, expected = gradient[..., :seen], expected[..., :seen]
        error = golden_arrays.relative_error(gradient, expected)
        self.assertLess(error, GRADIENT_TOLERANCE, name)


if __name__ == "__main__":
    unittest.main()
