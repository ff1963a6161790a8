"""Instance colouring stick-breaking."""

import math
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.stick_breaking import StickBreaking

KERNELS = ("gaussian", "laplacian", "epanechnikov")


def inputs_of(count, height=8, width=6, seed=0):
    """Embeddings [count,H,W,4] and scores [count,H,W]."""
    generator = np.random.default_rng(seed)
    return (generator.normal(0.0, 0.5, (count, height, width, 4)).astype(np.float32),
            generator.random((count, height, width), np.float32))


def clusters(sizes):
    """Embeddings [1,H,W,4] of an image whose rows are far apart clusters of so many rows each."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.broadcast_to(10.0 * np.eye(4, dtype=np.float32)[labels][None, :, None], (1, len(labels), 10, 4))


class StickBreakingTest(unittest.TestCase):
    def test_layer(self):
        embeddings, scores = inputs_of(2)
        for kernel in KERNELS:
            helpers.run_layer_test(
                self, StickBreaking, {"num_slots": 4, "kernel": kernel}, embeddings, (2, 4, 8, 6), 1,
                {"scores": scores}, lambda outputs: keras.ops.exp(keras.ops.cast(outputs["log_masks"], "float32")))

    def test_masks_sum_to_one_for_every_number_of_slots(self):
        embeddings, scores = inputs_of(2)
        for kernel in KERNELS:
            layer = StickBreaking(7, kernel)
            for num_slots in range(1, 12):
                outputs = layer(embeddings, scores, num_slots=num_slots)
                self.assertEqual(tuple(outputs["log_masks"].shape), (2, num_slots, 8, 6))
                np.testing.assert_allclose(np.exp(outputs["log_masks"]).sum(axis=1), 1.0, atol=1e-5)
                self.assertEqual(len(outputs["seeds"]), num_slots - 1)
                np.testing.assert_array_equal(outputs["num_used"], [num_slots] * 2)

    def test_every_mask_is_its_share_of_the_scope_before_it(self):
        embeddings, scores = inputs_of(2)
        outputs = {name: helpers.array(value) for name, value in StickBreaking(5)(embeddings, scores).items()
                   if name in ("log_masks", "log_scopes")}
        masks, scopes = np.exp(outputs["log_masks"]), np.exp(outputs["log_scopes"])
        np.testing.assert_allclose(scopes[:, 0], 1.0)
        np.testing.assert_allclose(scopes[:, :-1] - masks[:, :-1], scopes[:, 1:], atol=1e-6)
        np.testing.assert_allclose(scopes[:, -1], masks[:, -1])

    def test_the_seed_gives_its_slot_all_it_may(self):
        embeddings, scores = inputs_of(2)
        for kernel in KERNELS:
            outputs = StickBreaking(2, kernel)(embeddings, scores)
            best = scores.reshape(2, -1).argmax(axis=1)
            flat = np.exp(outputs["log_masks"]).reshape(2, 2, -1)
            np.testing.assert_allclose(flat[np.arange(2), 0, best], 0.99, rtol=1e-6)
            np.testing.assert_array_equal(outputs["seeds"][0], embeddings.reshape(2, -1, 4)[np.arange(2), best])

    def test_first_of_equal_scores_is_the_seed(self):
        embeddings, scores = inputs_of(2)
        outputs = StickBreaking(2)(embeddings, np.full_like(scores, 0.5))
        np.testing.assert_array_equal(outputs["seeds"][0], embeddings[:, 0, 0])

    def test_seeds_follow_the_remaining_scope(self):
        embeddings = clusters((4, 3, 5))
        scores = np.random.default_rng(0).random((1, 12, 10), np.float32)
        seeds = StickBreaking(4)(embeddings, scores)["seeds"]
        self.assertEqual({int(np.argmax(seed)) for seed in seeds}, {0, 1, 2})

    def test_kernels_are_one_half_at_the_stated_distance(self):
        for kernel in KERNELS:
            for num_slots in (2, 7, 11):
                layer = StickBreaking(num_slots, kernel)
                layer.build(None)
                pixels = np.array([[[0.0, 0.0], [1.0 / math.sqrt(num_slots), 0.0]]], np.float32)
                np.testing.assert_allclose(layer.similarity(pixels, pixels[:, 0]), [[1.0, 0.5]], atol=3e-5)
        with self.assertRaisesRegex(UserError, "choose one of: gaussian, laplacian, epanechnikov"):
            StickBreaking(3, "cauchy")

    def test_gradient_is_finite_for_equal_embeddings(self):
        _, scores = inputs_of(1)
        for kernel in KERNELS:
            layer, embeddings = StickBreaking(3, kernel), tf.ones((1, 8, 6, 4))
            with tf.GradientTape() as tape:
                tape.watch(embeddings)
                loss = tf.reduce_sum(layer(embeddings, scores)["log_masks"][:, 0])
            self.assertTrue(np.isfinite(tape.gradient(loss, embeddings)).all(), kernel)


class DynamicSlotsTest(unittest.TestCase):
    def setUp(self):
        self.layer = StickBreaking(6, dynamic=True, min_mass=15.0)
        # Tiny clusters are also too small to be masks: 10 pixels a row.
        self.images = np.concatenate([clusters((12,)), clusters((6, 6)), clusters((4, 5, 3)), clusters((1, 8, 3))])
        self.scores = np.random.default_rng(0).random((4, 12, 10), np.float32)

    def test_an_image_of_a_batch_has_the_masks_that_it_has_alone(self):
        together = self.layer(self.images, self.scores)
        used = helpers.array(together["num_used"])
        np.testing.assert_array_equal(used[:3], [2, 3, 4])
        masks = np.exp(together["log_masks"])
        np.testing.assert_allclose(masks.sum(axis=1), 1.0, atol=1e-5)
        for i, count in enumerate(used):
            alone = self.layer(self.images[i:i + 1], self.scores[i:i + 1])
            np.testing.assert_allclose(np.exp(alone["log_masks"])[0], masks[i], atol=1e-6)
            fewer = StickBreaking(6)(self.images[i:i + 1], self.scores[i:i + 1], num_slots=int(count))
            np.testing.assert_allclose(np.exp(fewer["log_masks"])[0], masks[i, :count], atol=1e-6)
            np.testing.assert_array_equal(masks[i, count:], 0.0)
            np.testing.assert_array_equal(together["valid"][i], np.arange(6) < count)
            self.assertTrue((masks[i, :count - 1].sum(axis=(1, 2)) >= 15.0).all())

    def test_training_has_all_slots(self):
        outputs = self.layer(self.images, self.scores, training=True)
        np.testing.assert_array_equal(outputs["num_used"], [6] * 4)
        fixed = StickBreaking(6)(self.images, self.scores)
        np.testing.assert_array_equal(outputs["log_masks"], fixed["log_masks"])

    def test_first_mask_may_be_too_small(self):
        outputs = StickBreaking(4, dynamic=True, min_mass=1e4)(self.images, self.scores)
        np.testing.assert_array_equal(outputs["num_used"], [1] * 4)
        np.testing.assert_array_equal(outputs["log_masks"][:, 0], 0.0)


if __name__ == "__main__":
    unittest.main()
