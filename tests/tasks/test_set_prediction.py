"""What is done with predicted sets: scores, warnings, pictures."""

import unittest
from unittest import mock

import numpy as np
import tensorflow as tf

from tests import sets
from tfobj import properties
from tfobj import tasks
from tfobj import tiles
from tfobj.errors import UserError
from tfobj.metrics import average_precision
from tfobj.metrics import reference
from tfobj.models.set_predictor import SetPredictor
from tfobj.models.slot_attention import SlotAttentionAutoencoder
from tfobj.models.slot_mlp_properties import SlotMlpSetPredictor
from tfobj.set_grid import set_grid
from tfobj.tasks.object_discovery import ObjectDiscovery
from tfobj.tasks.set_prediction import SetPrediction

TILE = tiles.tile_size(32, 32)[0] + 4  # with its border


class SetPredictionTest(unittest.TestCase):
    task = SetPrediction()

    def setUp(self):
        self.rng = np.random.default_rng(0)
        self.targets = sets.random_targets(6, 4, self.rng)

    def test_models_say_their_task(self):
        self.assertIsInstance(tasks.task_of(SetPredictor), SetPrediction)
        self.assertIsInstance(tasks.task_of(SlotAttentionAutoencoder), ObjectDiscovery)

    def test_the_scores_are_those_of_all_images_together(self):
        predictions = self.targets + self.rng.normal(0.0, 0.05, self.targets.shape).astype(np.float32)
        per_image = {"predictions": predictions, "targets": self.targets, "loss": np.arange(6.0)}
        scores = self.task.summary(per_image)
        expected = average_precision.average_precision(predictions, self.targets)
        names = ["ap_inf", "ap_1", "ap_0.5", "ap_0.25", "ap_0.125"]
        self.assertEqual([scores[name] for name in names], list(expected))
        self.assertEqual((scores["loss"], scores["num_images"]), (2.5, 6))
        self.assertEqual(scores["num_objects"], int(self.targets[..., properties.PRESENCE].sum()))
        self.assertEqual(self.task.headline(scores), ("ap_mean", float(np.mean(expected))))
        self.assertLessEqual({name for name, _ in self.task.TABLE} & set(names), set(scores))
        self.assertEqual(self.task.after_validation(scores), [])

    def test_attention_is_scored_at_its_size(self):
        mask = np.repeat(np.repeat(self.rng.integers(0, 4, (3, 4, 6)), 2, axis=1), 2, axis=2).astype(np.uint8)
        attention = self.rng.random((3, 2, 5, 4, 6)).astype(np.float32)
        values = self.task.values_of({"mask": mask}, {"attention": tf.constant(attention)}, None, 3)
        self.assertEqual(list(values), ["attention_ari_fg"])
        for index in range(3):
            expected = reference.adjusted_rand_index(mask[index, ::2, ::2], attention[index, -1].argmax(axis=0), 4, 5,
                                                     ignore_background=True)
            self.assertAlmostEqual(float(values["attention_ari_fg"][index]), expected, places=6)
        scores = self.task.summary({"attention_ari_fg": np.asarray(values["attention_ari_fg"])})
        self.assertEqual(set(scores), {"attention_ari_fg", "num_images"})

    def test_attention_is_compared_with_the_masks_of_the_frame(self):
        frame = self.rng.integers(0, 4, (2, 240, 320)).astype(np.uint8)
        attention = self.rng.random((2, 1, 5, 32, 32)).astype(np.float32)
        rows, columns = ((2 * np.arange(32) + 1) * size // 64 for size in (240, 320))
        once = frame[:, rows[:, None], columns]
        both = {"mask": np.zeros((2, 128, 128), np.uint8), "frame_mask": frame}
        values = self.task.values_of(both, {"attention": tf.constant(attention)}, None, 3)["attention_ari_fg"]
        for index in range(2):
            expected = reference.adjusted_rand_index(once[index], attention[index, -1].argmax(axis=0), 4, 5,
                                                     ignore_background=True)
            self.assertAlmostEqual(float(values[index]), expected, places=6)

    def test_data_that_say_nothing_are_refused(self):
        with self.assertRaisesRegex(UserError, "of these 6 images are not known .*; score another --split"):
            self.task.summary({"predictions": self.targets, "targets": 0.0 * self.targets})
        with self.assertRaisesRegex(UserError, "neither the properties of objects nor masks"):
            self.task.summary({})

    def test_the_background_needs_no_slot(self):
        self.assertEqual([self.task.missing_slots(6, number) for number in (4, 6, 10)], [0, 0, 4])
        self.assertEqual(self.task.before_training(0, 6, "clevr"), [])
        self.assertIn("use --num_slots=10, or --max_objects=6", self.task.before_training(4, 6, "clevr")[0])


class PicturesTest(unittest.TestCase):
    """Pictures show the pairs of the loss."""

    def shown(self, model, targets, predictions):
        """The targets and the pairs that the picture gets."""
        objects, visibility = sets.factors_of(targets)
        batch = {"image": np.zeros((len(targets), 16, 16, 3), np.uint8), "objects": objects, "visibility": visibility}
        with mock.patch("tfobj.tasks.set_prediction.set_grid") as drawn:
            SetPrediction().pictures(model, batch, {"predictions": tf.constant(predictions)})
        _, _, shown, pairs, _ = drawn.call_args[0]
        np.testing.assert_allclose(shown, targets, atol=1e-6)
        return pairs

    def test_unsure_slots_are_shown_with_objects_before_padding(self):
        targets = sets.random_targets(1, 6, np.random.default_rng(0))
        targets[:] = targets[:, :1] * (np.arange(6) < 3)[:, None]
        targets[0, :3, 0] = (0.1, 0.5, 0.9)
        predictions = targets[:, [2, 0, 1]].copy()
        predictions[0, 2, properties.PRESENCE:] = 0.0  # unsure: closer to padding than to its object
        predictions[0, 2, 3:] *= 0.05
        model = SlotMlpSetPredictor((16, 16, 3), num_slots=3)
        pairs = self.shown(model, targets, predictions)
        np.testing.assert_array_equal(pairs[0], np.eye(6)[[2, 0, 1]].T)

    def test_the_scale_of_coordinates_is_that_of_the_loss(self):
        targets = sets.random_targets(1, 2, np.random.default_rng(0))
        targets[0, 1] = targets[0, 0]
        targets[0, :, 0], targets[0, :, 3:5] = (0.2, 0.8), np.eye(2)
        predictions = targets.copy()
        predictions[0, :, 3:5] = (0.4, 0.6), (0.6, 0.4)  # each place has the other's size, but for a little
        predictions[0, :, 0] = 0.48, 0.52
        plain, scaled = (self.shown(SlotMlpSetPredictor((16, 16, 3), num_slots=2, coordinate_scale=scale), targets,
                                    predictions) for scale in (1.0, 8.0))
        np.testing.assert_array_equal(plain[0], [[0, 1], [1, 0]])
        np.testing.assert_array_equal(scaled[0], np.eye(2))

    def test_more_slots_than_rows(self):
        targets = sets.random_targets(2, 3, np.random.default_rng(0))
        predictions = np.concatenate([np.zeros((2, 2, 19), np.float32), targets], axis=1)
        pairs = self.shown(SlotMlpSetPredictor((16, 16, 3), num_slots=5), targets, predictions)
        self.assertEqual(pairs.shape, (2, 3, 5))
        exists = targets[..., properties.PRESENCE] > 0
        np.testing.assert_array_equal(pairs.argmax(axis=2)[exists], (np.arange(3) + 2 + 0 * targets[..., 0])[exists])


class SetGridTest(unittest.TestCase):
    def setUp(self):
        self.targets = sets.random_targets(2, 3, np.random.default_rng(1))
        self.predictions = self.targets.copy()
        self.predictions[..., properties.PRESENCE] = 0.1 + 0.8 * self.targets[..., properties.PRESENCE]
        self.images = np.zeros((2, 32, 32, 3), np.uint8)
        self.pairs = np.stack([np.eye(3)] * 2)

    def colored(self, grid):
        """Reddish and greenish pixels in the lines of the first image that hold true properties."""
        top = tiles.GAP + TILE + 3 * 16
        red, green, _ = np.moveaxis(grid[top:top + 3 * 16].astype(int), -1, 0)
        return int((red > green + 60).sum()), int((green > red + 60).sum())

    def test_true_properties_are_green_and_others_red(self):
        red, green = self.colored(set_grid(self.images, self.predictions, self.targets, self.pairs))
        self.assertEqual(red, 0)
        self.assertGreater(green, 100)
        wrong = self.predictions.copy()
        columns = properties.COLUMNS["color"]
        wrong[..., columns] = np.roll(wrong[..., columns], 1, axis=-1)
        red, still = self.colored(set_grid(self.images, wrong, self.targets, self.pairs))
        self.assertGreater(red, 20)
        self.assertTrue(0 < still < green)

    def test_without_truth_there_are_the_predictions_alone(self):
        plain = set_grid(self.images, self.predictions)
        self.assertEqual(plain.shape[0], 2 * (TILE + 3 * 16) + 4 * tiles.GAP)

    def test_a_line_per_image_and_a_column_per_slot(self):
        attention = np.random.default_rng(0).random((2, 2, 3, 4, 4))
        grid = set_grid(self.images, self.predictions, self.targets, self.pairs, attention)
        self.assertEqual(grid.shape, (2 * (TILE + 6 * 16) + 4 * tiles.GAP, 4 * TILE + 5 * tiles.GAP, 3))
        self.assertEqual(grid.dtype, np.uint8)
