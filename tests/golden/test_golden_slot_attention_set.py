"""The set-prediction model against the arrays of the reference, stage by stage, with gradients."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests.golden.test_golden_slot_attention_ae import golden_name as autoencoder_name
from tests.golden.test_golden_slot_attention_ae import like
from tests.golden.test_golden_slot_attention_module import options_of
from tfobj.models.set_prediction import SlotAttentionSetPredictor

FORWARD_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4
NUM_ITERATIONS = 3


def golden_name(variable):
    """Returns the stored name of a weight, e.g. `classifier/dense0/kernel`."""
    return autoencoder_name(variable).replace("head/", "classifier/")


def model_of(arrays):
    """Builds the model that the arrays imply, with the stored weights."""
    prefix = "w/slot_attention/"
    options = options_of({name[len(prefix):]: value for name, value in arrays.items() if name.startswith(prefix)}, {})
    model = SlotAttentionSetPredictor(
        arrays["image_uint8"].shape[1:], encoder_channels=arrays["w/encoder/conv0/bias"].size,
        head_hidden_size=arrays["w/classifier/dense0/bias"].size, name="model",
        **{**options, "num_slots": arrays["noise"].shape[1], "num_iterations": NUM_ITERATIONS}).build_on_zeros()
    for variable in model.trainable_variables:
        variable.assign(arrays["w/" + golden_name(variable)])
    return model


class GoldenSlotAttentionSetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("slot_attention_set")
        cls.model = model_of(cls.arrays)
        cls.image = (cls.arrays["image_uint8"] / 255.0).astype(np.float32)

    def check(self, actual, name, tolerance=FORWARD_TOLERANCE):
        error = golden_arrays.relative_error(keras.ops.convert_to_numpy(actual), self.arrays[name])
        self.assertLess(error, tolerance, name)

    def test_golden_slot_attention_set_parameter_count(self):
        self.assertEqual(sum(int(np.prod(v.shape)) for v in self.model.trainable_variables),
                         sum(value.size for name, value in self.arrays.items() if name.startswith("w/")))

    def test_golden_slot_attention_set_features(self):
        image = self.image * 2.0 - 1.0
        self.check(like(self.model.encoder.convolve(image), self.arrays["enc_cnn_sub"], 4, 4), "enc_cnn_sub")
        features = self.model.encoder(image)
        features = keras.ops.reshape(features, (features.shape[0], -1, features.shape[-1]))  # [B,N,F]
        self.check(like(features, self.arrays["features_sub"], 7), "features_sub")

    def test_golden_slot_attention_set_outputs_and_gradients(self):
        arrays, model = self.arrays, self.model
        with tf.GradientTape() as tape:
            outputs = model(self.image, noise={"slots": arrays["noise"]})
            loss = tf.reduce_mean(model.losses_of(arrays["target"], outputs)["loss"])
        attention = outputs["attention"][:, -1]  # [B,K,h,w]
        self.check(np.reshape(attention, (*attention.shape[:2], -1)).transpose(0, 2, 1), "attn_last")
        self.check(outputs["slots"], "slots")
        self.check(outputs["predictions"], "predictions")
        self.check(loss, "loss", 1e-5)
        variables, compared = model.trainable_variables, 0
        for variable, gradient in zip(variables, tape.gradient(loss, [variable.value for variable in variables])):
            for name, value in (("grad_norm/", tf.norm(gradient)), ("grad/", gradient)):
                name += golden_name(variable)
                if name in arrays:
                    self.check(value, name, GRADIENT_TOLERANCE)
                    compared += 1
        self.assertEqual(compared, sum(name.startswith(("grad/", "grad_norm/")) for name in arrays))
