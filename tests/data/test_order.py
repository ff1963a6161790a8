"""Which examples a step sees, on a source that only counts."""

import subprocess
import sys
import unittest

import numpy as np

from tests.helpers import ROOT
from tfobj.config import DataConfig
from tfobj.data import order
from tfobj.errors import UserError

COUNT = 37


class CountingSource:
    """37 examples per split; example i shows i % 4 objects."""

    def num_examples(self, split):
        """The same for every split."""
        return COUNT

    def object_counts(self, split):
        """Counts [COUNT]."""
        return np.arange(COUNT) % 4


class PermutationTest(unittest.TestCase):
    def test_values_are_fixed_for_ever(self):
        np.testing.assert_array_equal(order.epoch_order(0, 0, 10), [3, 2, 1, 8, 6, 0, 7, 4, 5, 9])
        np.testing.assert_array_equal(order.epoch_order(1, 2, 10), [5, 6, 9, 3, 2, 1, 0, 8, 4, 7])

    def test_epochs_are_unrelated(self):
        orders = np.stack([order.epoch_order(0, epoch, 5000) for epoch in range(6)])
        correlations = np.corrcoef(orders) - np.eye(6)
        self.assertLess(np.max(np.abs(correlations)), 0.06)  # 4 standard deviations of independent ones


class TrainingOrderTest(unittest.TestCase):
    def test_steps_walk_through_the_epochs(self):
        steps = order.TrainingOrder(CountingSource(), DataConfig(), 5, 9)
        self.assertEqual((steps.num_examples, steps.steps_per_epoch), (COUNT, 7))
        rows = np.stack([steps.rows(step) for step in range(14)]).reshape(2, 35)
        np.testing.assert_array_equal(rows, [order.epoch_order(9, epoch, COUNT)[:35] for epoch in (0, 1)])
        np.testing.assert_array_equal(steps.rows(7 * 10**9 + 3), order.epoch_order(9, 10**9, COUNT)[15:20])

    def test_rows_count_the_kept_and_positions_the_whole_split(self):
        steps = order.TrainingOrder(CountingSource(), DataConfig(min_objects=2, num_train_examples=30), 4, 0)
        kept = [i for i in range(30) if i % 4 >= 2]
        np.testing.assert_array_equal(steps.kept, kept)
        for step in (0, 5, 17):
            np.testing.assert_array_equal(steps.positions(step), np.array(kept)[steps.rows(step)])

    def test_less_than_a_batch(self):
        with self.assertRaisesRegex(UserError, "--batch_size=16 but only 9 of 37"):
            order.TrainingOrder(CountingSource(), DataConfig(min_objects=3), 16, 0)
        with self.assertRaisesRegex(UserError, "--num_train_examples=9 is less than --batch_size=16; change one"):
            order.TrainingOrder(CountingSource(), DataConfig(dataset="folder", num_train_examples=9), 16, 0)

    def test_a_variant_without_training_images_is_named(self):
        class TestOnly:
            """A source of out-of-distribution images."""

            def num_examples(self, split):
                """Refuses."""
                raise UserError(f"--dataset=objects_room has no split {split!r}; it has test")

        config = DataConfig(dataset="objects_room", dataset_variant="six_objects")
        with self.assertRaisesRegex(UserError, "^--dataset_variant=six_objects of objects_room has no images to train "
                                    "on; .*tfobj.evaluate --run_dir=RUN --dataset_variant=six_objects$"):
            order.TrainingOrder(TestOnly(), config, 16, 0)
        with self.assertRaisesRegex(UserError, "has no split 'train'"):
            order.TrainingOrder(TestOnly(), DataConfig(dataset="x"), 16, 0)


class EvaluationOrderTest(unittest.TestCase):
    def test_the_last_batch_is_filled_with_copies(self):
        batches = order.EvaluationOrder(CountingSource(), DataConfig(min_objects=3), "test", 6, 4)
        self.assertEqual((batches.num_examples, batches.num_batches), (6, 2))
        positions, index, valid = batches.batch(1)
        np.testing.assert_array_equal(positions, [19, 23, 3, 7])
        np.testing.assert_array_equal(index, [4, 5, 0, 1])
        np.testing.assert_array_equal(valid, [True, True, False, False])
        self.assertEqual([array.dtype for array in (positions, index, valid)], [np.int64, np.int64, bool])

    def test_nothing_left(self):
        with self.assertRaisesRegex(UserError, "leave none of the 37 examples of split 'test'"):
            order.EvaluationOrder(CountingSource(), DataConfig(min_objects=9), "test", 0, 4)


class ImportTest(unittest.TestCase):
    def test_tensorflow_is_not_needed(self):
        code = ("import sys; import tfobj.data.order; "
                "print(sorted({'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)))")
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "[]\n")


if __name__ == "__main__":
    unittest.main()
