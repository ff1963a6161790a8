"""Learning rates and position grids against the reference's."""

import unittest

import keras
import numpy as np

from tests import golden_arrays
from tfobj.ops.coordinates import position_grid
from tfobj.training.schedules import WarmupDecay

# Published (Slot Attention, Section E); an archive may hold others as `lr/<name>/<setting>`.
SCHEDULES = {
    "object_discovery": {"base_lr": 4e-4, "warmup_steps": 10_000, "decay_rate": 0.5, "decay_steps": 100_000},
    "set_prediction": {"base_lr": 4e-4, "warmup_steps": 1_000, "decay_rate": 0.5, "decay_steps": 50_000},
}


def schedule_of(arrays, name):
    """Builds the schedule whose rates are stored as `lr/<name>`; raises `ValueError` if its settings are unknown."""
    stored = {key: arrays[f"lr/{name}/{key}"].item() for key in SCHEDULES["object_discovery"]
              if f"lr/{name}/{key}" in arrays}
    settings = {**SCHEDULES.get(name, {}), **stored}
    missing = sorted(set(SCHEDULES["object_discovery"]) - set(settings))
    if missing:
        raise ValueError(f"lr/{name} is no published schedule, and the archive has no {', '.join(missing)} for it")
    return WarmupDecay(settings.pop("base_lr"), decay="exponential", **settings)


class GoldenSlotAttentionMiscTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arrays = golden_arrays.load("slot_attention_misc")

    def test_golden_slot_attention_misc_learning_rates(self):
        names = [name.removeprefix("lr/") for name in self.arrays if name.startswith("lr/") and name.count("/") == 1]
        names.remove("steps")
        self.assertTrue(names)
        for name in names:
            schedule = schedule_of(self.arrays, name)
            rates = [float(keras.ops.convert_to_numpy(schedule(step))) for step in self.arrays["lr/steps"]]
            expected = self.arrays[f"lr/{name}"]
            np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=0, err_msg=name)
            self.assertLess(golden_arrays.relative_error(rates, expected), 1e-6, name)

    def test_golden_slot_attention_misc_settings_of_schedules(self):
        stored = {f"lr/mine/{key}": np.array(value) for key, value in SCHEDULES["set_prediction"].items()}
        self.assertEqual(schedule_of(stored, "mine").get_config(), schedule_of({}, "set_prediction").get_config())
        with self.assertRaisesRegex(ValueError, "lr/mine is no published schedule, and the archive has no base_lr, d"):
            schedule_of({}, "mine")

    def test_golden_slot_attention_misc_grids(self):
        names = [name for name in self.arrays if name.startswith("grid/")]
        self.assertTrue(names)
        for name in names:
            height, width = map(int, name.removeprefix("grid/").split("x"))
            self.assertLess(golden_arrays.relative_error(position_grid(height, width), self.arrays[name]), 1e-6, name)
