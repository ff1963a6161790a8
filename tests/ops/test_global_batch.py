"""Statistics over all replicas."""

import unittest

import numpy as np
import tensorflow as tf

from tfobj.ops.global_batch import global_mean


class GlobalBatchTest(unittest.TestCase):
    def test_every_replica_gets_the_mean_of_all(self):
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        rows = tf.constant([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

        def mine():
            first = 2 * tf.distribute.get_replica_context().replica_id_in_sync_group
            return global_mean(rows[first:first + 2])

        for value in strategy.experimental_local_results(tf.function(lambda: strategy.run(mine))()):
            np.testing.assert_array_equal(value, [0.5, 0.25, 0.25])
        np.testing.assert_array_equal(global_mean(rows), [0.5, 0.25, 0.25])


if __name__ == "__main__":
    unittest.main()
