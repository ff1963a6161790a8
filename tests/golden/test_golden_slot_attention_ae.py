"""The object-discovery autoencoder against the arrays of the reference, stage by stage, with gradients.

Sizes, strides, slots and iterations are read from the arrays, so that any set of the same format can be checked.
"""

import itertools
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests import helpers
from tests.golden.test_golden_slot_attention_module import golden_name as module_name
from tests.golden.test_golden_slot_attention_module import num_iterations_of, options_of
from tfobj.layers.convolutional_encoder import ConvolutionalEncoder
from tfobj.models.slot_attention import SlotAttentionAutoencoder

FORWARD_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4


def count(weights, prefix):
    """Returns how many layers `<prefix>0`, `<prefix>1`, ... there are."""
    return sum(name.startswith(prefix) and name.endswith("kernel") for name in weights)


def arrangements(length, doublings):
    """Lists all strides of 1 and 2 with `doublings` strides of 2, those that start with 2 first."""
    return sorted(set(itertools.permutations((2,) * doublings + (1,) * (length - doublings))), reverse=True)


def decoder_strides(weights, io):
    """Derives the decoder's strides from the sizes of its stored stages.

    Returns:
        Tuple of ints; where only the image size decides, strides of 2 come first.
    """
    num_hidden = count(weights, "w/decoder/deconv") - 1
    size = np.array(io["image"].shape[1:3])
    for doublings in range(num_hidden + 1):
        grid = size // 2**doublings
        for strides in arrangements(num_hidden, doublings):
            stages = {"dec_in_sub": -(-grid // 2), "deconv0_sub": -(-grid * (strides or (1,))[0] // 3)}
            if (grid * 2**doublings == size).all() and all(
                    (stage == io[name].shape[1:3]).all() for name, stage in stages.items() if name in io):
                return strides
    raise ValueError(f"no decoder of this format has the stored stages and the image size {size}")


def encoder_strides(weights, io):
    """Derives the encoder's strides: the number of locations says how many are 2, the feature map which ones."""
    num_layers = count(weights, "w/encoder/conv")
    size, found = np.array(io["image"].shape[1:3]), []
    for doublings in range(num_layers + 1):
        features = -(-size // 2**doublings)
        if -(-features.prod() // 61) == io["features_sub"].shape[1]:
            found += arrangements(num_layers, doublings)
    if not found:  # another slice of the features was stored
        found = [strides for doublings in range(num_layers + 1) for strides in arrangements(num_layers, doublings)]
    return found[0] if len(found) == 1 else min(found, key=lambda strides: feature_error(strides, weights, io))


def feature_error(strides, weights, io):
    """Relative error of the convolutions' output with these strides."""
    encoder = ConvolutionalEncoder(weights["w/encoder/conv0/bias"].size, strides)
    encoder.build(io["image"].shape)
    for convolution in encoder.convolutions:
        convolution.kernel.assign(weights[f"w/encoder/{convolution.name}/kernel"])
        convolution.bias.assign(weights[f"w/encoder/{convolution.name}/bias"])
    stored = io["enc_cnn_sub"].copy()  # a copy, as most of these comparisons shall fail and stay out of the report
    return golden_arrays.relative_error(like(encoder.convolve(io["image"]), stored, 16, 16), stored)


def autoencoder_of(weights, io):
    """Builds the autoencoder that the arrays imply, with the stored weights."""
    prefix = "w/slot_attention/"
    options = options_of({name[len(prefix):]: value for name, value in weights.items() if name.startswith(prefix)}, io)
    options["num_slots"] = io["noise"].shape[1]
    model = SlotAttentionAutoencoder(
        image_shape=io["image"].shape[1:], encoder_channels=weights["w/encoder/conv0/bias"].size,
        encoder_strides=encoder_strides(weights, io), encoder_position_embedding="w/encoder/pos/kernel" in weights,
        decoder_channels=weights["w/decoder/deconv0/bias"].size, decoder_broadcast_size=0,
        decoder_strides=decoder_strides(weights, io), name="model", **options).build_on_zeros()
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
        num_iterations = num_iterations_of(io)
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
        num_iterations = num_iterations_of(io)
        with tf.GradientTape() as tape:
            outputs = model(self.image, noise={"slots": io["noise"]}, num_iterations=num_iterations)
            loss = tf.reduce_mean(model.losses_of(self.image, outputs)["loss"])
        self.check(loss, "loss", 1e-5)
        self.check(outputs["slots"], "slots")
        self.check(outputs["masks"][..., None], "masks")
        self.check(outputs["reconstruction"] * 2.0 - 1.0, "recon_combined")
        components = outputs["components"] * 2.0 - 1.0
        self.check(like(components, io["recons_sub"], 1, 8, 8), "recons_sub")
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


class GoldenSlotAttentionStridesTest(unittest.TestCase):
    """Strides that the published arrays do not use are recognised in arrays of the encoder's own."""

    def test_golden_slot_attention_ae_encoder_strides_are_read_from_the_arrays(self):
        keras.utils.set_random_seed(0)
        image = helpers.unit_images(1, (32, 48, 1)) * 2.0 - 1.0
        for strides, locations in (((1, 1, 1), 1536), ((2, 1, 1), 384), ((1, 2, 2), 96), ((2, 1, 2), 96)):
            encoder = ConvolutionalEncoder(4, strides)
            encoder.build(image.shape)
            helpers.perturb(encoder)
            weights = {f"w/encoder/{layer.name}/{kind}": helpers.array(getattr(layer, kind))
                       for layer in encoder.convolutions for kind in ("kernel", "bias")}
            io = {"image": image, "features_sub": np.zeros((1, -(-locations // 61), 4)),
                  "enc_cnn_sub": helpers.array(encoder.convolve(image))[:, ::16, ::16]}
            self.assertEqual(encoder_strides(weights, io), strides)

    def test_golden_slot_attention_ae_decoder_strides_are_read_from_the_arrays(self):
        weights = {f"w/decoder/deconv{i}/kernel": None for i in range(4)}
        for size, grid, first, strides in ((32, 8, 16, (2, 2, 1)), (35, 35, 35, (1, 1, 1)), (32, 16, 16, (1, 2, 1))):
            io = {"image": np.zeros((1, size, size, 1)), "dec_in_sub": np.zeros((3, -(-grid // 2), -(-grid // 2), 4)),
                  "deconv0_sub": np.zeros((3, -(-first // 3), -(-first // 3), 4))}
            self.assertEqual(decoder_strides(weights, io), strides)


if __name__ == "__main__":
    unittest.main()
