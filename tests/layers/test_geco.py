"""GECO and the other weights of a divergence."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tfobj.layers.beta_warmup import BetaWarmup
from tfobj.layers.geco import Geco


class GecoTest(unittest.TestCase):
    def test_beta_falls_above_the_goal_and_rises_ten_times_as_fast_below(self):
        steps = []
        for error in (110.0, 90.0):
            layer = Geco(goal=100.0, rate=1e-3)
            layer.update(error)
            steps.append(np.log(layer.beta.numpy()))
        np.testing.assert_allclose(steps, [-0.01, 0.1], rtol=1e-5)

    def test_average_starts_at_the_first_error(self):
        layer = Geco(goal=0.0, rate=1e-3, decay=0.9)
        for error, average in ((50.0, 50.0), (100.0, 55.0), (0.0, 49.5)):
            layer.update(error)
            self.assertAlmostEqual(layer.average.numpy(), average, places=4)

    def test_state_is_float32_and_not_trained_under_every_policy(self):
        for policy in ("float32", "mixed_bfloat16", "float64"):
            layer = Geco(goal=0.0, rate=1.0, dtype=policy)
            self.assertEqual([weight.dtype for weight in layer.weights], ["float32"] * 3)
            self.assertEqual(layer.trainable_weights, [])

    def test_every_replica_has_the_same_state(self):
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            layer = Geco(goal=100.0, rate=1e-3)

        @tf.function(autograph=False)
        def run(error):
            strategy.run(lambda: layer.update(error))

        single = Geco(goal=100.0, rate=1e-3)
        for error in (110.0, 80.0, 95.0):
            run(tf.constant(error))
            single.update(error)
        for mine, expected in zip(layer.weights, single.weights):
            values = [float(value) for value in strategy.experimental_local_results(mine.value)]
            self.assertEqual(values, [float(expected.value)] * 2, mine.path)

    def test_configuration(self):
        layer = Geco(goal=3.0, rate=0.5, maximum=7.0, name="geco")
        twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        self.assertEqual(twin.get_config(), layer.get_config())
        self.assertEqual(twin.options["maximum"], 7.0)


class BetaWarmupTest(unittest.TestCase):
    def test_linear_and_then_constant(self):
        layer, values = BetaWarmup(0.5, num_steps=4), []
        for _ in range(6):
            values.append(float(layer.beta.value))
            layer.update(1.0)
        np.testing.assert_allclose(values, [0.0, 0.125, 0.25, 0.375, 0.5, 0.5])

    def test_constant(self):
        layer = BetaWarmup(0.3)
        for _ in range(3):
            self.assertAlmostEqual(float(layer.beta.value), 0.3)
            layer.update(1.0)


if __name__ == "__main__":
    unittest.main()
