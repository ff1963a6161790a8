"""Order, resume, sharding, filters and padding, on a source whose images are their own positions."""

import unittest

import numpy as np
import tensorflow as tf

from tfobj.config import DataConfig
from tfobj.data import order
from tfobj.data import pipeline
from tfobj.errors import UserError

COUNT = 37


class PositionSource:
    """Example i of every split is the record b"i" and shows i % 4 objects."""

    has_masks = True
    max_objects = 3
    image_shape = (1, 1, 1)

    def __init__(self):
        self.reads = []

    def num_examples(self, split):
        """The same for every split."""
        return COUNT

    def object_counts(self, split):
        """Counts [COUNT]."""
        return np.arange(COUNT) % 4

    def read(self, split, positions):
        """Records, and a note of what was asked for."""
        self.reads.append(tuple(positions))
        return np.array([str(position).encode() for position in positions], dtype=object)

    def batch(self, records, masks=True, factors=False, frame_masks=False):
        """The position as the only pixel."""
        return {"image": tf.strings.to_number(records, tf.int32)[:, None, None, None]}


def training(batch_size=5, seed=3, **knobs):
    """A `TrainingInput` over `PositionSource`."""
    return pipeline.TrainingInput(PositionSource(), DataConfig(**knobs), batch_size, seed)


def evaluation(num_examples=0, batch_size=8, **knobs):
    """An `EvaluationInput` over `PositionSource`."""
    return pipeline.EvaluationInput(PositionSource(), DataConfig(**knobs), "test", num_examples, batch_size)


def batches(dataset, count):
    """The positions of the first `count` batches, int [count,B]."""
    return np.stack([batch["image"].numpy().ravel() for batch in dataset.take(count)])


class OrderTest(unittest.TestCase):
    """What decides which examples a step sees."""

    def test_an_epoch_visits_every_example_at_most_once(self):
        data = training()
        self.assertEqual((data.num_examples, data.steps_per_epoch), (COUNT, COUNT // 5))
        seen = batches(data.dataset(), 3 * data.steps_per_epoch).reshape(3, -1)  # [epochs,examples]
        for epoch in seen:
            self.assertEqual(len(set(epoch)), 35)
        self.assertFalse(np.array_equal(seen[0], seen[1]))
        self.assertNotEqual(set(seen[0]), set(seen[1]))  # another remainder is left out

    def test_order_is_the_permutation_of_seed_and_epoch(self):
        seen = batches(training(seed=9).dataset(), 14).reshape(2, -1)
        for epoch in (0, 1):
            np.testing.assert_array_equal(seen[epoch], order.epoch_order(9, epoch, COUNT)[:35])

    def test_another_seed_is_another_order(self):
        self.assertFalse(np.array_equal(batches(training(seed=1).dataset(), 3), batches(training(seed=2).dataset(), 3)))

    def test_the_global_seed_does_not_matter(self):
        self.addCleanup(tf.random.set_seed, 0)
        orders = []
        for seed in (1, 2):
            tf.random.set_seed(seed)
            orders.append(batches(training().dataset(), 10))
        np.testing.assert_array_equal(*orders)

    def test_resume_at_any_step(self):
        whole = batches(training().dataset(), 40)
        for step in (0, 1, 6, 7, 8, 13, 23, 39):
            np.testing.assert_array_equal(batches(training().dataset(start_step=step), 40 - step), whole[step:])

    def test_late_start_reads_nothing_before(self):
        data = training()
        next(iter(data.dataset(start_step=10**6)))
        self.assertLess(len(data._source.reads), 100)


class ShardingTest(unittest.TestCase):
    """A global batch is the same however it is cut."""

    def test_parts_concatenate_to_the_batch_of_one_device(self):
        whole = batches(training(batch_size=8).dataset(start_step=3), 6)
        for shards, replicas in ((1, 1), (1, 2), (2, 1), (2, 2)):
            parts = [batches(training(batch_size=8).dataset(3, shards, shard, replicas), 6 * replicas).reshape(6, -1)
                     for shard in range(shards)]
            np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole, f"{shards} x {replicas}")

    def test_a_worker_reads_only_its_part(self):
        data = training(batch_size=8)
        data._source.reads.clear()  # opening reads one record
        list(data.dataset(0, 2, 1).take(8))
        parts = np.concatenate([order.epoch_order(3, epoch, COUNT)[:32].reshape(4, 2, 4) for epoch in range(30)])
        self.assertGreaterEqual(len(data._source.reads), 8)
        self.assertLessEqual(set(data._source.reads), set(map(tuple, parts[:, 1])))  # of [steps,workers,rows]

    def test_mirrored_replicas_get_consecutive_parts(self):
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        data = training(batch_size=8)
        distributed = strategy.distribute_datasets_from_function(lambda _: data.dataset(2, replicas_per_shard=2))
        batch = strategy.experimental_local_results(next(iter(distributed))["image"])
        np.testing.assert_array_equal(np.concatenate(batch).ravel(), batches(data.dataset(2), 1)[0])

    def test_indivisible_batch(self):
        with self.assertRaisesRegex(UserError, "--batch_size=5 .*4 replicas.* use 4 or 8"):
            training().dataset(num_shards=2, replicas_per_shard=2)
        with self.assertRaisesRegex(UserError, "--eval_batch_size=3 .*use 4$"):
            evaluation(batch_size=3).dataset(replicas_per_shard=4)


class FilterTest(unittest.TestCase):
    """Which examples are kept."""

    def test_object_counts(self):
        data = training(min_objects=2, max_objects=2)
        self.assertEqual(data.num_examples, 9)
        self.assertEqual(set(batches(data.dataset(), 30).ravel()), set(range(2, COUNT, 4)))

    def test_minimum_alone(self):
        self.assertEqual(training(min_objects=3).num_examples, 9)

    def test_first_examples_are_taken_before_the_filter(self):
        data = training(num_train_examples=20, max_objects=1)
        self.assertEqual(data.num_examples, 10)
        self.assertLess(batches(data.dataset(), 8).max(), 20)

    def test_too_few_examples(self):
        with self.assertRaisesRegex(UserError, "--batch_size=16 but only 9 of 37 .* smaller --batch_size"):
            training(batch_size=16, min_objects=3)

    def test_contradiction(self):
        with self.assertRaisesRegex(UserError, "--min_objects=3 is above --max_objects=1"):
            training(min_objects=3, max_objects=1)


class EvaluationTest(unittest.TestCase):
    """One pass, padded."""

    def test_all_examples_once_in_order(self):
        data = evaluation()
        self.assertEqual((data.num_examples, data.num_batches), (37, 5))
        seen = list(data.dataset().as_numpy_iterator())
        valid = np.concatenate([batch["valid"] for batch in seen])
        np.testing.assert_array_equal(valid, np.arange(40) < 37)
        index = np.concatenate([batch["index"] for batch in seen])
        np.testing.assert_array_equal(index[valid], np.arange(37))
        np.testing.assert_array_equal(np.concatenate([batch["image"].ravel() for batch in seen]), index)

    def test_first_examples_after_the_filter(self):
        data = evaluation(num_examples=6, min_objects=3)
        batch = next(data.dataset().as_numpy_iterator())
        np.testing.assert_array_equal(batch["image"].ravel()[:6], [3, 7, 11, 15, 19, 23])
        np.testing.assert_array_equal(batch["index"], [0, 1, 2, 3, 4, 5, 0, 1])

    def test_no_replica_gets_an_empty_batch(self):
        for count in (1, 3, 8, 9):
            data = evaluation(num_examples=count)
            parts = [list(data.dataset(2, shard, 2).as_numpy_iterator()) for shard in (0, 1)]
            self.assertEqual([len(part) for part in parts], [2 * data.num_batches] * 2)
            flat = [batch for part in parts for batch in part]
            self.assertEqual({len(batch["image"]) for batch in flat}, {2})
            self.assertEqual(sum(batch["valid"].sum() for batch in flat), count)
            valid = sorted(i for batch in flat for i in batch["index"][batch["valid"]])
            self.assertEqual(valid, list(range(count)))

    def test_nothing_left(self):
        with self.assertRaisesRegex(UserError, "leave none of the 37 examples of split 'test'"):
            evaluation(min_objects=9)


if __name__ == "__main__":
    unittest.main()
