"""The object-discovery autoencoder against the arrays of the reference, stage by stage, with gradients.

Sizes, strides, slots and iterations are read from the arrays, so that any set of the same format can be checked.
"""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests.golden.test_golden_slot_attention_module import golden_name as module_name
from tfobj.models.slot_attention import SlotAttentionAutoencoder

FORWARD_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4


def geometry(weights, io):
    """Derives image size, encoder strides, broadcast size and decoder strides from the stored arrays."""
    height = io["image"].shape[1]
    num_hidden = sum(name.startswith("w/decoder/deconv") and name.endswith("kernel") for name in weights) - 1
    coarse, first = io["dec_in_sub"].shape[1], io["deconv0_sub"].shape[1]
    for grid in (2 * coarse, 2 * coarse - 1):
        for doublings in range(num_hidden + 1):
            after_first = grid * 2 if doublings else grid
            if grid * 2**doublings == height and -(-after_first // 3) == first:
                return grid, (2,) * doublings + (1,) * (num_hidden - doublings)
    raise ValueError("no decoder of this format reaches the stored image size")


def autoencoder_of(weights, io):
    """Builds the autoencoder that the arrays imply, with the stored weights."""
    grid, strides = geometry(weights, io)
    num_convolutions = sum(name.startswith("w/encoder/conv") and name.endswith("kernel") for name in weights)
    model = SlotAttentionAutoencoder(
        image_shape=io["image"].shape[1:], num_slots=io["noise"].shape[1],
        encoder_channels=weights["w/encoder/conv0/bias"].size, encoder_strides=(1,) * num_convolutions,
        decoder_channels=weights["w/decoder/deconv0/bias"].size, decoder_broadcast_size=grid, decoder_strides=strides,
        slot_size=weights["w/slot_attention/slots_mu"].shape[-1],
        mlp_hidden_size=weights["w/slot_attention/mlp/dense0/bias"].size, name="model").build_on_zeros()
    for variable in model.trainable_variables:
        variable.assign(weights["w/" + golden_name(variable)])
    return model


def golden_name(variable):
    """Returns the stored name of a weight, e.g. `encoder/pos/kernel`."""
    path = variable.path.split("model/", 1)[1].replace("pos/dense/", "pos/")
    return "slot_attention/" + module_name(variable) if path.startswith("slot_attention/") else path


def like(full, stored, *steps):
    """Takes the strided slice of `full` that was stored; `steps` are the documented strides of axes 1, 2, ..."""
    full = keras.ops.convert_to_numpy(full)
    for axis, step in enumerate(steps, start=1):
        size, wanted = full.shape[axis], stored.shape[axis]
        if -(-size // step) != wanted:
            step = -(-size // wanted)
        full = np.take(full, np.arange(0, size, step), axis=axis)
    return full


class GoldenSlotAttentionAutoencoderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weights = golden_arrays.load("slot_attention_ae_weights")
        cls.io = golden_arrays.load("slot_attention_ae_io")
        cls.model = autoencoder_of(cls.weights, cls.io)
        # `image` is stored in [-1, 1], the model's inner range.
        cls.image = (cls.io["image"] + 1.0) / 2.0

    def check(self, actual, name, tolerance=FORWARD_TOLERANCE):
        error = golden_arrays.relative_error(keras.ops.convert_to_numpy(actual), self.io[name])
        self.assertLess(error, tolerance, name)

    def test_golden_slot_attention_ae_parameter_count(self):
        self.assertEqual(sum(int(np.prod(v.shape)) for v in self.model.trainable_variables),
                         sum(value.size for name, value in self.weights.items() if name.startswith("w/")))

    def test_golden_slot_attention_ae_stages(self):
        io, model = self.io, self.model
        np.testing.assert_allclose((io["image_uint8"] / 255.0 - 0.5) * 2.0, io["image"], atol=1e-6)
        convolved = model.encoder.convolve(io["image"])
        self.check(like(convolved, io["enc_cnn_sub"], 16, 16), "enc_cnn_sub")
        self.check(like(model.encoder.embed(convolved), io["enc_pos_sub"], 16, 16), "enc_pos_sub")
        features = model.encoder(io["image"])
        features = keras.ops.reshape(features, (features.shape[0], -1, features.shape[-1]))  # [B,N,F]
        self.check(like(features, io["features_sub"], 61), "features_sub")
        num_iterations = sum(name.startswith("attn_") and name.endswith("_sub") for name in io)
        attended = model.slot_attention(features, noise=io["noise"], num_iterations=num_iterations)
        self.check(attended["slots_init"], "slots_init")
        for i in range(num_iterations):
            self.check(like(attended["attention"][i], io[f"attn_{i + 1}_sub"], 61), f"attn_{i + 1}_sub")
            self.check(attended["iterates"][i], f"slots_{i + 1}")
        canvas = model.decoder.broadcast(attended["slots"])
        self.check(like(canvas, io["dec_in_sub"], 2, 2), "dec_in_sub")
        self.check(like(model.decoder.deconvolutions[0](canvas), io["deconv0_sub"], 3, 3, 2), "deconv0_sub")

    def test_golden_slot_attention_ae_outputs_and_gradients(self):
        io, model = self.io, self.model
        num_iterations = sum(name.startswith("attn_") and name.endswith("_sub") for name in io)
        with tf.GradientTape() as tape:
            outputs = model(self.image, noise={"slots": io["noise"]}, num_iterations=num_iterations)
            loss = tf.reduce_mean(model.losses_of(self.image, outputs)["loss"])
        self.check(loss, "loss", 1e-5)
        self.check(outputs["slots"], "slots")
        self.check(outputs["masks"][..., None], "masks")
        self.check(outputs["reconstruction"] * 2.0 - 1.0, "recon_combined")
        components = outputs["components"] * 2.0 - 1.0
        self.check(like(components, io["recons_sub"], components.shape[1] // io["recons_sub"].shape[1], 8, 8), "recons_sub")
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        compared = 0
        for variable, gradient in zip(variables, gradients):
            name = golden_name(variable)
            if "grad_norm/" + name in io:
                # The mask logit's bias has no gradient, in exact arithmetic; neither side's rounding noise counts.
                self.check(tf.norm(gradient), "grad_norm/" + name, GRADIENT_TOLERANCE)
                compared += 1
            if "grad/" + name in io:
                self.check(gradient, "grad/" + name, GRADIENT_TOLERANCE)
                compared += 1
        self.assertEqual(compared, sum(name.startswith(("grad/", "grad_norm/")) for name in io))

    def test_golden_slot_attention_ae_more_slots_and_iterations(self):
        io = self.io
        noise = io["test_more/noise"]
        outputs = self.model(self.image, noise={"slots": noise}, num_slots=noise.shape[1],
                             num_iterations=int(io["test_more/num_iterations"]))
        self.check(outputs["slots"], "test_more/slots")
        reconstruction = outputs["reconstruction"] * 2.0 - 1.0
        self.check(like(reconstruction, io["test_more/recon_combined_sub"], 4, 4), "test_more/recon_combined_sub")
        masks = outputs["masks"][..., None]
        self.check(like(masks, io["test_more/masks_sub"], 1, 8, 8), "test_more/masks_sub")
        loss = tf.reduce_mean(self.model.losses_of(self.image, outputs)["loss"])
        self.check(loss, "test_more/loss", 1e-5)
