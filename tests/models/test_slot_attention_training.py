"""The published small model learns four real Tetrominoes images, with the losses of an independent build."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import registry
from tfobj.config import SlotAttentionConfig, TrainConfig
from tfobj.data import record_reader
from tfobj.data import records
from tfobj.training.schedules import make_optimizer
from tfobj.training.step import TrainingStep

REAL_FILE = helpers.ROOT / "tests" / "data" / "files" / "tetrominoes_mini.tfrecords"
PIXEL_VARIANCE = 0.207  # of these images in [-1, 1]: the loss of the best constant colour
MEAN_SQUARE = 0.896  # the loss of a gray picture
MOST_STEPS, LOOP_STEPS = 200, 25


def first_images(count):
    """uint8 [count, 35, 35, 3]."""
    family = records.FAMILIES["tetrominoes"]
    return np.stack([record["image"] for record in record_reader.read_records(str(REAL_FILE), family, count=count)])


def small_model(seed):
    """The model of the paper for small images, 235,812 parameters."""
    keras.utils.set_random_seed(seed)
    config = SlotAttentionConfig(num_slots=4, encoder_channels=32, decoder_channels=32, decoder_broadcast_size=0,
                                 decoder_strides=(1, 1, 1))
    return registry.build_model("slot_attention", config, (35, 35, 3))


class SmokeTrainingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = first_images(4)

    def test_images_are_the_expected_ones(self):
        self.assertAlmostEqual(np.var(self.image / 127.5 - 1.0), PIXEL_VARIANCE, places=3)
        self.assertAlmostEqual(np.mean(np.square(self.image / 127.5 - 1.0)), MEAN_SQUARE, places=3)

    def test_untrained_loss_is_that_of_a_random_colour(self):
        """The decoder starts with a random constant colour, so the loss of one seed lies anywhere from 0.4 to 2.6."""
        losses = []
        for seed in range(5):
            model, image = small_model(seed), self.image.astype(np.float32) / 255.0
            outputs = model(image, noise=helpers.noise_of(model, 4, seed))
            losses.append(np.mean(model.losses_of(image, outputs)["loss"]))
            self.assertGreater(losses[-1], PIXEL_VARIANCE)
        self.assertTrue(0.6 < np.median(losses) < 1.3, losses)

    def test_loss_falls_below_the_pixel_variance_within_200_steps(self):
        model = small_model(1)
        optimizer = make_optimizer(TrainConfig(learning_rate=4e-4, warmup_steps=0, decay="none"))
        optimizer.build(model.trainable_variables)
        step = TrainingStep(model, optimizer, tf.distribute.get_strategy(), seed=1)
        iterator = iter(tf.data.Dataset.from_tensors({"image": self.image}).repeat())
        loss = step.run(iterator, 1)[2]["loss"]
        self.assertTrue(0.6 < loss < 1.3, loss)
        while loss > 0.98 * PIXEL_VARIANCE and optimizer.iterations.numpy() < MOST_STEPS:
            loss = step.run(iterator, LOOP_STEPS)[2]["loss"]
        self.assertLess(loss, 0.98 * PIXEL_VARIANCE, f"after {optimizer.iterations.numpy()} steps")
