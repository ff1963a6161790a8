"""Sort pooling, set encoder and inner gradient descent of DSPN against its authors' code, with second derivatives."""

import unittest

import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests import helpers
from tfobj.layers.fspool import FsPool
from tfobj.layers.gradient_set_decoder import GradientSetDecoder
from tfobj.ops.set_loss import set_loss

FORWARD_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4


class GoldenDspnTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = arrays = golden_arrays.load("slot_attention_dspn")
        batch, latent_size = arrays["image_latent"].shape
        # The reference's rate is that of the mean over its batch.
        cls.decoder = GradientSetDecoder(
            *arrays["w/starting_set"].shape[1:], latent_size, arrays["w/dense0/bias"].size,
            arrays["w/fspool/weight"].shape[1] - 1, int(arrays["iters"]), float(arrays["inner_lr"]) / batch)
        cls.decoder.build((None, latent_size))
        cls.weights = {helpers.weight_name(variable).removeprefix("encoder/"): variable
                       for variable in cls.decoder.trainable_variables}
        for name, variable in cls.weights.items():
            variable.assign(arrays[f"w/{name}"])

    def check(self, actual, name, tolerance=FORWARD_TOLERANCE):
        self.assertLess(golden_arrays.relative_error(actual, self.arrays[name]), tolerance, name)

    def test_golden_fspool(self):
        x, weight = tf.constant(self.arrays["fspool/x"]), self.arrays["fspool/weight"]
        layer = FsPool(weight.shape[1] - 1)
        layer.build(x.shape)
        layer.knots.assign(weight)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            total = tf.reduce_sum(y**2)
        self.check(y, "fspool/y")
        self.check(tape.gradient(total, x), "fspool/grad_x", GRADIENT_TOLERANCE)

    def test_golden_inner_trajectory(self):
        trace = self.decoder(self.arrays["image_latent"])
        self.check(np.stack(trace["sets"]), "sets")
        self.check(np.stack(trace["masks"]), "masks")
        self.check(np.mean(trace["distances"], axis=1), "repr_losses")
        self.check(trace["sets"][-1], "eval/final_set")
        self.check(trace["masks"][-1], "eval/final_mask")
        encoded = self.decoder.encoder(self.arrays["target_set"], self.arrays["target_mask"])
        self.check(encoded, "encoder_output_on_target")

    def test_golden_losses_and_second_order_gradients(self):
        arrays, latents = self.arrays, tf.constant(self.arrays["image_latent"])
        with tf.GradientTape() as tape:
            tape.watch(latents)
            trace = self.decoder(latents)
            target = tf.concat([arrays["target_set"], arrays["target_mask"][..., None]], axis=-1)
            found = tf.concat([trace["sets"][-1], trace["masks"][-1][..., None]], axis=-1)
            mean = tf.reduce_mean(set_loss(target, found)) / 10.0  # of as many pairs
            distance = tf.reduce_mean(self.decoder.distance(latents, arrays["target_set"], arrays["target_mask"]))
            loss = mean + 0.1 * distance
        self.check(mean, "set_loss", 1e-5)
        self.check(distance, "repr_loss", 1e-5)
        self.check(loss, "loss", 1e-5)
        names = [name.removeprefix("grad/") for name in arrays if name.startswith("grad/") and "latent" not in name]
        self.assertEqual(len(names), 5)
        values = tape.gradient(loss, [latents, *(self.weights[name].value for name in names)])
        for name, value in zip(["image_latent", *names], values):
            self.check(value, f"grad/{name}", GRADIENT_TOLERANCE)
