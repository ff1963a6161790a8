"""Learning rates and position grids against the reference's."""

import unittest

import keras
import numpy as np

from tests import golden_arrays
from tfobj.ops.coordinates import position_grid
from tfobj.training.schedules import WarmupDecay

SCHEDULES = {
    "lr/object_discovery": WarmupDecay(4e-4, warmup_steps=10_000, decay="exponential", decay_rate=0.5, decay_steps=100_000),
    "lr/set_prediction": WarmupDecay(4e-4, warmup_steps=1_000, decay="exponential", decay_rate=0.5, decay_steps=50_000),
}


class GoldenSlotAttentionMiscTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("slot_attention_misc")

    def test_golden_slot_attention_misc_learning_rates(self):
        steps = self.arrays["lr/steps"]
        for name, schedule in SCHEDULES.items():
            rates = np.array([float(keras.ops.convert_to_numpy(schedule(step))) for step in steps])
            np.testing.assert_allclose(rates, self.arrays[name], rtol=1e-6, atol=0, err_msg=name)

    def test_golden_slot_attention_misc_grids(self):
        names = [name for name in self.arrays if name.startswith("grid/")]
        self.assertTrue(names)
        for name in names:
            height, width = map(int, name.removeprefix("grid/").split("x"))
            self.assertLess(golden_arrays.relative_error(position_grid(height, width), self.arrays[name]), 1e-6, name)
