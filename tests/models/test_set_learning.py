"""Models that predict sets learn: they overfit a few scenes within seconds."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests import sets
from tfobj import properties
from tfobj.models.set_prediction import SlotAttentionSetPredictor
from tfobj.models.slot_mlp_properties import SlotMlpSetPredictor
from tfobj.tasks.set_prediction import precisions

SHAPE = (16, 16, 3)
NUM_SCENES = 4
ENCODER = {"num_slots": 3, "encoder_strides": (2, 2), "head_hidden_size": 64}


def scenes():
    """Images float32 [4,16,16,3] of discs on black, and targets float32 [4,3,19]; colours and sizes can be seen."""
    rng = np.random.default_rng(0)
    targets = sets.random_targets(NUM_SCENES, 3, rng)
    rows, columns = np.mgrid[:SHAPE[0], :SHAPE[1]] / (SHAPE[0] - 1.0)
    images = np.zeros((NUM_SCENES, *SHAPE), np.float32)
    for image, objects in zip(images, targets):
        for number in np.flatnonzero(objects[:, properties.PRESENCE]):
            row = objects[number]
            row[properties.COORDINATES] = 0.2 + 0.3 * number, 0.2 + 0.6 * rng.random(), 0.5
            color, large = (row[properties.COLUMNS[factor]].argmax() for factor in ("color", "size"))
            near = np.hypot(rows - row[1], columns - row[0]) < 0.1 + 0.06 * large
            image[near] = 0.3 + 0.7 * np.array([color & 1, color >> 1 & 1, color >> 2])
    return images, targets


def learned(model, num_steps, learning_rate):
    """Average precisions before and after training on all scenes at once; every image keeps its noise."""
    images, targets = scenes()
    noise, variables = helpers.noise_of(model, NUM_SCENES), model.trainable_variables
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.losses_of(targets, model(images, noise=noise, training=True))["loss"])
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]))

    def scores():
        return precisions(helpers.array(model(images, noise=noise)["predictions"]), targets)

    before = scores()
    for _ in range(num_steps):
        step()
    return before, scores()


class SetLearningTest(unittest.TestCase):
    def check(self, model, learning_rate):
        before, after = learned(model.build_on_zeros(), 300, learning_rate)
        self.assertLess(before["ap_inf"], 0.3)
        self.assertGreater(after["ap_inf"], 0.85)
        self.assertGreater(after["ap_1"], 0.6)

    def setUp(self):
        keras.utils.set_random_seed(0)

    def test_slot_attention(self):
        self.check(SlotAttentionSetPredictor(SHAPE, encoder_channels=32, slot_size=32, mlp_hidden_size=64, **ENCODER),
                   2e-3)

    def test_slot_mlp(self):
        self.check(SlotMlpSetPredictor(SHAPE, encoder_channels=16, slot_size=16, slot_mlp_sizes=(64,), **ENCODER), 5e-3)


if __name__ == "__main__":
    unittest.main()
