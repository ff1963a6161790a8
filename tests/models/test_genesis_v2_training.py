"""A small GENESIS-V2 learns four pictures: the error reaches GECO's goal, beta falls before and rises after."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import genesis_config
from tfobj import registry
from tfobj.config import TrainConfig
from tfobj.training.schedules import make_optimizer
from tfobj.training.step import TrainingStep

GOAL, MOST_STEPS, LOOP_STEPS = 0.61, 250, 25


def discs():
    """Three discs of different colours on dark gray, float32 [4,32,32,3]."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32] / 32
    image = np.full((4, 32, 32, 3), 0.1, np.float32)
    for picture in image:
        for colour in ((0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.2, 0.3, 0.9)):
            row, column = generator.uniform(0.2, 0.8, 2)
            picture[(rows - row)**2 + (columns - column)**2 < 0.16**2] = colour
    return image


class GenesisV2TrainingTest(unittest.TestCase):
    def test_error_reaches_the_goal_and_beta_turns(self):
        keras.utils.set_random_seed(0)
        # A faster average and larger steps than the published ones, as there are fewer of them.
        model_config = genesis_config.GenesisV2Config(num_slots=4, feature_size=16, geco_goal=GOAL, geco_decay=0.9,
                                                      geco_rate=1e-4)
        image = discs()
        model = registry.build_model("genesis_v2", model_config, image.shape[1:])
        optimizer = make_optimizer(TrainConfig(learning_rate=1e-3, warmup_steps=0, decay="none"))
        optimizer.build(model.trainable_variables)
        step = TrainingStep(model, optimizer, tf.distribute.get_strategy(), seed=0)
        iterator = iter(tf.data.Dataset.from_tensors({"image": image}).repeat())
        first = step.run(iterator, 1)[2]
        self.assertEqual(first["beta"], 1.0)
        betas = [first["beta"]]
        while optimizer.iterations.numpy() < MOST_STEPS and betas[-1] < 2.0 * min(betas):
            last = step.run(iterator, LOOP_STEPS)[2]
            betas.append(last["beta"])
        self.assertLess(min(betas), 0.5)
        self.assertGreater(betas[-1], 2.0 * min(betas), betas)
        self.assertLess(last["err_element"], GOAL)
        self.assertLess(last["mse"], 0.75 * first["mse"])
        state = [helpers.array(weight) for weight in model.schedule.weights]
        model.losses_of(image, model(image, noise=helpers.noise_of(model, 4)))
        self.assertEqual(helpers.largest_difference(state, model.schedule.weights), 0.0)
        self.assertAlmostEqual(float(model.schedule.average.value) / image[0].size, GOAL, delta=0.02)


if __name__ == "__main__":
    unittest.main()
