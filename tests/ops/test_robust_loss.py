"""The loss of the background model suppresses what it cannot explain."""

import unittest

import numpy as np
import tensorflow as tf

from tfobj.ops.robust_loss import background_loss


def scene(side=64):
    """A perfect background with an object on a tenth of the pixels, and a perfect prediction of the error."""
    image = np.full((1, side, side, 3), 0.5, np.float32)
    image[:, :side // 10, :] = 1.0
    output = np.full((1, side, side, 4), 0.5, np.float32)
    error = background_loss(image, output)["pixel_error"]
    output[..., 3] = np.asarray(error) / 3.0
    return image, output


class BackgroundLossTest(unittest.TestCase):
    def test_object_pixels_count_e_to_the_minus_six(self):
        image, output = scene()
        terms = background_loss(image, output)
        np.testing.assert_allclose(terms["pixel_weight"][0, :6], np.exp(-6.0), rtol=1e-3)
        np.testing.assert_array_equal(terms["pixel_weight"][0, 6:], 1.0)
        np.testing.assert_allclose(terms["pixel_error"][0, :6], 3 * (0.5 - 1.5 / 255), rtol=1e-5)
        expected = 6 / 64 * np.exp(-6.0 * np.tanh(3 * (0.5 - 1.5 / 255) / 0.25)) * 3 * (0.5 - 1.5 / 255)
        np.testing.assert_allclose(terms["loss"], expected, rtol=1e-4)

    def test_small_errors_count_by_their_squares(self):
        image = np.full((1, 64, 64, 3), 0.5, np.float32)
        output = np.concatenate([image + 1.0 / 255, np.zeros((1, 64, 64, 1), np.float32)], axis=-1)
        np.testing.assert_allclose(background_loss(image, output)["pixel_error"], 3 / 6 / 255, rtol=1e-3)

    def test_weights_are_means_over_a_window_that_grows_with_the_width(self):
        for width, window in ((64, 1), (80, 3), (160, 5), (320, 9)):
            image, output = np.zeros((1, 12, width, 3), np.float32), np.zeros((1, 12, width, 4), np.float32)
            image[0, 6, width // 2] = 1.0
            weights = np.asarray(background_loss(image, output)["pixel_weight"])
            self.assertEqual((weights < 1.0).sum(), window**2, width)

    def test_no_gradient_through_weights_and_into_the_error_from_its_prediction(self):
        image, output = scene()
        output = tf.constant(output + np.array([0.02, 0.0, 0.0, 0.1], np.float32))
        with tf.GradientTape() as tape:
            tape.watch(output)
            terms = background_loss(image, output)
        gradient = tape.gradient(terms["loss"], output)[0]
        expected = np.asarray(terms["pixel_weight"])[0] / 64**2
        np.testing.assert_allclose(gradient[:6, :, 0], -expected[:6], rtol=1e-4)  # sign of the error times the weight
        np.testing.assert_allclose(gradient[6:, :, 0], expected[6:], rtol=1e-4)
        np.testing.assert_allclose(gradient[..., 3], expected, rtol=1e-4)
        self.assertEqual(float(np.abs(gradient[6:, :, 1]).max()), 0.0)
