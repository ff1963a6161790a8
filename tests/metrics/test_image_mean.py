"""Means over images: exact over batches, padding and replicas."""

import unittest

import numpy as np
import tensorflow as tf

from tfobj.metrics.image_mean import ImageMean


class ImageMeanTest(unittest.TestCase):

    def test_every_image_weighs_the_same_whatever_the_batches(self):
        values = np.random.default_rng(0).random(10)
        for batch in (1, 3, 4, 10):
            metric = ImageMean()
            for start in range(0, 10, batch):
                metric.update_state(values[start:start + batch])
            self.assertAlmostEqual(float(metric.result()), values.mean(), delta=1e-15)
            self.assertEqual(int(metric.num_images()), 10)

    def test_padding_may_hold_anything(self):
        metric = ImageMean()
        metric.update_state(np.array([1.0, 2.0, np.nan, np.inf]), valid=np.array([True, True, False, False]))
        self.assertEqual(float(metric.result()), 1.5)

    def test_adds_in_double_precision(self):
        metric = ImageMean()
        metric.update_state(np.array([2.0**40, 0.25]))
        self.assertEqual(float(metric.result()) * 2.0, 2.0**40 + 0.25)

    def test_no_image_gives_nan_and_reset_starts_again(self):
        metric = ImageMean()
        self.assertTrue(np.isnan(float(metric.result())))
        metric.update_state(np.ones(3))
        metric.reset_state()
        metric.update_state(np.zeros(2))
        self.assertEqual((float(metric.result()), int(metric.num_images())), (0.0, 2))

    def test_two_replicas_equal_one(self):
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        values, valid = np.arange(8.0), np.array([True] * 5 + [False] * 3)
        with strategy.scope():
            metric = ImageMean()

        @tf.function
        def update(rows, counted):
            strategy.run(lambda *arguments: metric.update_state(*arguments), args=(rows, counted))

        def rows_of(array):
            return strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(array[context.replica_id_in_sync_group::2]))

        update(rows_of(values), rows_of(valid))
        self.assertEqual((float(metric.result()), int(metric.num_images())), (2.0, 5))


if __name__ == "__main__":
    unittest.main()
