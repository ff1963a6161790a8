"""The layers of GENESIS-V2 against the arrays of the reference implementation.

What the shipped arrays leave out, such as the weights of a U-Net, is drawn from its name (`genesis_v2_weights`).
"""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests.golden.genesis_case import GRADIENT_TOLERANCE, GoldenTest
from tests.golden.genesis_v2_weights import assign_weights, drawn_image
from tfobj.data import resizing
from tfobj.layers import unet
from tfobj.layers.convolution_block import ConvolutionBlock
from tfobj.layers.gaussian_head import GaussianHead
from tfobj.layers.geco import Geco
from tfobj.layers.normalized_broadcast_decoder import NormalizedBroadcastDecoder
from tfobj.layers.padded_convolution import PaddedConvolution
from tfobj.layers.semi_convolutional_embedding import SemiConvolutionalEmbedding
from tfobj.layers.stick_breaking import StickBreaking
from tfobj.layers.transposed_convolution import TransposedConvolution
from tfobj.layers.unet import UNet
from tfobj.ops import distributions
from tfobj.ops import scales
from tfobj.ops import stick_breaking
from tfobj.ops.competition import log_softmax

KERNELS = ("gaussian", "laplacian", "epanechnikov")


class GoldenBlocksTest(GoldenTest):
    stem = "blocks"

    def test_golden_genesis_v2_transposed_convolution(self):
        for name, stride in (("deconv5s2", 2), ("deconv5s1", 1)):
            inputs, kernel = self.arrays[f"{name}.x"], self.arrays[f"{name}.kernel"]
            layer = TransposedConvolution(kernel.shape[2], kernel.shape[:2], stride, mirrored=True)
            layer.build(inputs.shape)
            layer.set_weights([kernel, self.arrays[f"{name}.bias"]])
            self.check(layer(inputs[:, ::-1, ::-1])[:, ::-1, ::-1], f"{name}.y")
            layer.by_phases = True
            self.check(layer(inputs[:, ::-1, ::-1])[:, ::-1, ::-1], f"{name}.y")

    def test_golden_genesis_v2_convolution_blocks(self):
        for name, groups in (("convgn", 8), ("convin", -1)):
            inputs = self.arrays[f"{name}.x"]
            layer = ConvolutionBlock(self.arrays[f"{name}.gamma"].size, groups)
            layer.build(inputs.shape)
            layer.set_weights([self.arrays[f"{name}.{part}"] for part in ("kernel", "gamma", "beta")])
            self.check(layer(inputs), f"{name}.y")

    def test_golden_genesis_v2_padded_convolutions(self):
        for name, stride in (("conv3s1", 1), ("conv3s2", 2), ("conv5s2", 2)):
            inputs, kernel = self.arrays[f"{name}.x"], self.arrays[f"{name}.kernel"]
            layer = PaddedConvolution(kernel.shape[-1], kernel.shape[0], stride)
            layer.build(inputs.shape)
            layer.set_weights([kernel, self.arrays[f"{name}.bias"]])
            self.check(layer(inputs), f"{name}.y")

    def test_golden_genesis_v2_layer_normalisation(self):
        inputs, head = self.arrays["layernorm.x"], GaussianHead(4)
        head.build((None, *inputs.shape))
        head.norm.set_weights([self.arrays["layernorm.gamma"], self.arrays["layernorm.beta"]])
        self.check(head.norm(inputs), "layernorm.y")

    def test_golden_genesis_v2_nearest_neighbours(self):
        inputs = self.arrays["nearest.x"]
        self.check(unet._doubled(keras.ops.convert_to_tensor(inputs)), "nearest.up")
        for maps, name in ((inputs, "nearest.down"), (self.arrays["nearest.size_x"], "nearest.size_5")):
            pixels = resizing.nearest_indices(maps.shape[1], self.arrays[name].shape[1], "floor")
            self.check(maps[:, pixels][:, :, pixels], name)

    def test_golden_genesis_v2_broadcast_with_coordinates(self):
        inputs = self.arrays["broadcast.x"]
        side = 16 * self.arrays["broadcast.y"].shape[1]
        layer = NormalizedBroadcastDecoder((side, side), 4, 8)
        self.check(layer.broadcast(keras.ops.convert_to_tensor(inputs[:, None]))[:, ::-1, ::-1], "broadcast.y")

    def test_golden_genesis_v2_scales(self):
        self.check(scales.posterior_scale(self.arrays["param.x"]), "param.to_sigma")
        self.check(scales.prior_scale(self.arrays["param.x"]), "param.to_prior_sigma")

    def test_golden_genesis_v2_lstm_cell(self):
        inputs = self.arrays["lstm.x"]
        cell = keras.layers.LSTMCell(self.arrays["lstm.recurrent_kernel"].shape[0])
        cell.build((None, inputs.shape[-1]))
        cell.set_weights([self.arrays[f"lstm.{part}"] for part in ("kernel", "recurrent_kernel", "bias")])
        state, outputs = cell.get_initial_state(len(inputs)), []
        for step in range(inputs.shape[1]):
            output, state = cell(inputs[:, step], state)
            outputs.append(output)
        self.check(keras.ops.stack(outputs, axis=1), "lstm.y")
        self.check(state[1], "lstm.c")

    def test_golden_genesis_v2_mixture_likelihood(self):
        image, components = self.arrays["mix.x"], self.arrays["mix.x_components"]
        by_slot = np.array([0.09] + [0.11] * (components.shape[1] - 1), np.float32).reshape((1, -1, 1, 1, 1))
        for name, std in (("s07", 0.7), ("s_bgfg", by_slot)):
            densities = distributions.pixel_log_density(image, components, std, "normal")
            likelihood = distributions.mixture_log_likelihood(self.arrays["mix.log_masks"], densities, False)
            self.check(-keras.ops.sum(likelihood, axis=(1, 2)), f"mix.err_{name}")
            pixels = np.sum(self.arrays[f"mix.err_pixel_{name}"], axis=-1)
            np.testing.assert_allclose(-likelihood, pixels, rtol=1e-4, atol=1e-4)

    def test_golden_genesis_v2_mask_divergence(self):
        masks, others = (np.exp(self.arrays[f"klm.log_{name}"]) for name in "qp")
        self.check(stick_breaking.mask_divergence(masks, others), "klm.kl")

    def test_golden_genesis_v2_masks_of_logits(self):
        logits = self.arrays["maskrecon.logits"]
        self.check(log_softmax(logits, axis=1), "maskrecon.softmax")
        masks, scopes = stick_breaking.log_masks_of_logits(logits[:, :-1])
        self.check(masks, "maskrecon.scope")
        np.testing.assert_allclose(scopes[:, -1], masks[:, -1])


class GoldenUnetTest(GoldenTest):
    stem = "unet"

    def test_golden_genesis_v2_unet(self):
        for side in (32, 128):
            name = f"unet{side}"
            image = self.arrays.get(f"{name}.x", drawn_image(f"{name}.x", (1, side, side, 3)).astype(np.float32))
            layer = UNet((side, side), self.arrays[f"{name}.y"].shape[-1], name=name)
            layer.build(image.shape)
            assign_weights(layer, self.arrays, lambda variable: variable.path.replace("/", "."))
            self.check(layer(image), f"{name}.y")


class GoldenStickBreakingTest(GoldenTest):
    stem = "icsbp"

    def layer(self, kernel, num_slots, log_sigma=None, **options):
        layer = StickBreaking(num_slots, kernel, **options)
        layer.build(None)
        if log_sigma is not None:
            layer.log_sigma.assign(log_sigma)
        return layer

    def test_golden_genesis_v2_semi_convolutional_embedding(self):
        features = self.arrays["sc_features"]
        layer = SemiConvolutionalEmbedding(self.arrays["sc_bias"].size)
        layer.build(features.shape)
        layer.conv.set_weights([self.arrays["sc_kernel"], self.arrays["sc_bias"]])
        start = keras.ops.convert_to_numpy(layer(features))
        layer.gate.assign(self.arrays["sc_gate"])
        moved = keras.ops.convert_to_numpy(layer(features))
        self.check(start, "sc_embed_gate0")
        self.check(moved, "sc_embed")
        self.check((moved - start)[..., 6:], "sc_delta")
        if "sc_uv" in self.arrays:
            self.check(start[0], "sc_uv")

    def test_golden_genesis_v2_initial_scales(self):
        for kernel in KERNELS:
            values = [self.layer(kernel, int(count)).log_sigma.numpy() for count in self.arrays["init_K"]]
            self.check(np.array(values), f"init_log_sigma_{kernel}")

    def test_golden_genesis_v2_stick_breaking(self):
        embeddings, scores = (tf.constant(self.arrays[name]) for name in ("embeddings", "seed_scores"))
        for kernel in KERNELS:
            layer = self.layer(kernel, int(self.arrays["K"]), self.arrays[f"{kernel}.log_sigma"])
            with tf.GradientTape() as tape:
                tape.watch(embeddings)
                outputs = layer(embeddings, scores)
                loss = tf.reduce_sum(self.arrays["loss_weights"] * tf.exp(outputs["log_masks"]))
            gradient, of_sigma = tape.gradient(loss, [embeddings, layer.log_sigma.value])
            for name in ("log_masks", "log_scopes"):
                self.check(outputs[name], f"{kernel}.{name}")
            seeds = keras.ops.convert_to_numpy(keras.ops.stack(outputs["seeds"], axis=1))
            self.check(seeds, f"{kernel}.seeds")
            self.check_seeds(kernel, layer, seeds)
            self.check(loss, f"{kernel}.loss")
            self.check(gradient, f"{kernel}.grad_embeddings", GRADIENT_TOLERANCE)
            self.check(of_sigma, f"{kernel}.grad_log_sigma", GRADIENT_TOLERANCE)

    def check_seeds(self, kernel, layer, seeds):
        """The seeds are those of the stored pixels, and the similarities before the clip are the stored ones."""
        embeddings = self.arrays["embeddings"]
        flat = embeddings.reshape((len(embeddings), -1, embeddings.shape[-1]))
        pixels = np.take_along_axis(flat, self.arrays[f"{kernel}.seed_index"][..., None], axis=1)
        np.testing.assert_array_equal(seeds, pixels)
        alike = [layer.similarity(flat, seeds[:, k]) for k in range(seeds.shape[1])]
        alike = np.reshape(np.stack(alike, axis=1), (*seeds.shape[:2], *embeddings.shape[1:3]))
        self.check(alike, f"{kernel}.alpha_unclamped")

    def test_golden_genesis_v2_first_masks_are_blobs(self):
        scores = self.arrays["blobs.seed_scores"]
        embedding = SemiConvolutionalEmbedding(8)
        outputs = self.layer("gaussian", int(self.arrays["blobs.K"]))(embedding(scores[..., None]), scores)
        self.check(outputs["log_masks"], "blobs.log_masks")
        self.check(keras.ops.stack(outputs["seeds"], axis=1), "blobs.seeds")

    def test_golden_genesis_v2_dynamic_number_of_slots(self):
        expected = self.arrays["dynamic.log_masks_padded"]
        layer = self.layer("gaussian", expected.shape[1], self.arrays["dynamic.log_sigma"], dynamic=True,
                           min_mass=float(self.arrays["dynamic.threshold"]))
        outputs = layer(self.arrays["dynamic.embeddings"], self.arrays["dynamic.seed_scores"])
        self.check(np.exp(outputs["log_masks"]), "dynamic.masks")
        np.testing.assert_array_equal(outputs["num_used"], self.arrays["dynamic.num_masks"])

    def setUp(self):
        # Logarithms of absent masks are so large that no error of the others would show beside them.
        self.arrays["dynamic.masks"] = np.exp(self.arrays["dynamic.log_masks_padded"])


class GoldenGecoTest(GoldenTest):
    stem = "geco"

    def test_golden_genesis_v2_geco(self):
        for tag in ("s64", "s128", "nospeed", "clampmin", "clampmax"):
            goal, rate, decay, initial, minimum, speedup = map(float, self.arrays[f"{tag}.params"])
            layer = Geco(goal, rate, decay, speedup if speedup > 0 else 1.0, initial, minimum)
            update, rows = tf.function(layer.update), []
            for error, divergence in zip(self.arrays[f"{tag}.err"], self.arrays[f"{tag}.kl"]):
                before = layer.beta.numpy()
                update(tf.constant(error))
                rows.append([before, error + before * divergence, layer.average.numpy(), layer.beta.numpy()])
            np.testing.assert_allclose(rows, self.arrays[f"{tag}.out"], rtol=3e-5, atol=0, err_msg=tag)
            self.check(np.array(rows), f"{tag}.out")


if __name__ == "__main__":
    unittest.main()
