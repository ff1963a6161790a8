"""The Slot MLP, and the network that reads properties."""

import dataclasses
import unittest

import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.property_head import PropertyHead
from tfobj.layers.slot_mlp import SlotMlp
from tfobj.set_prediction_config import SlotMlpConfig


class SlotMlpTest(unittest.TestCase):
    features = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)

    def test_the_layer(self):
        options = {"num_slots": 3, "slot_size": 4, "slot_mlp_sizes": (7, 6), "shared_mlp_size": 5, "grid_size": 2}
        count = 12 * 7 + 7 + 7 * 6 + 6 + 6 * 12 + 12 + 4 * 5 + 5 + 5 * 4 + 4
        helpers.run_layer_test(self, SlotMlp, options, self.features, (2, 3, 4), count)

    def test_without_the_shared_layers(self):
        options = {"num_slots": 3, "slot_size": 4, "slot_mlp_sizes": (7,), "grid_size": 4}
        helpers.run_layer_test(self, SlotMlp, options, self.features, (2, 3, 4), 48 * 7 + 7 + 7 * 12 + 12)

    def test_arguments_are_named_as_the_flags(self):
        flags = {field.name for field in dataclasses.fields(SlotMlpConfig) if "mlp" in field.name}
        self.assertEqual({name for name in SlotMlp(3).get_config() if "mlp" in name}, flags)

    def test_the_published_sizes(self):
        for features, options, count in (
                (64, {"num_slots": 10}, 8_980_096),
                (64, {"num_slots": 7, "slot_mlp_sizes": (512, 1024, 1024), "shared_mlp_size": 64}, 10_431_552),
                (32, {"num_slots": 6, "slot_mlp_sizes": (512, 1024, 1024), "shared_mlp_size": 64}, 6_171_648),
                (32, {"num_slots": 4, "slot_mlp_sizes": (512, 1024, 1024), "shared_mlp_size": 64}, 6_040_448)):
            layer = SlotMlp(**options)
            layer.build((None, 32, 32, features))
            self.assertEqual(helpers.count_parameters(layer), count)

    def test_every_slot_sees_every_place_with_weights_of_its_own(self):
        layer = SlotMlp(2, 4, (8,), grid_size=6)
        layer.build(self.features.shape)
        slots = helpers.array(layer(self.features))
        self.assertGreater(np.abs(slots[:, 0] - slots[:, 1]).min(), 1e-4)
        self.assertGreater(np.abs(slots - helpers.array(layer(self.features[:, ::-1]))).min(), 1e-5)

    def test_another_number_of_slots_is_refused(self):
        layer = SlotMlp(3)
        layer.check_num_slots(3)
        with self.assertRaisesRegex(UserError, "num_slots=4 but a Slot MLP has weights for exactly 3 slots"):
            layer.check_num_slots(4)


class PropertyHeadTest(unittest.TestCase):
    def test_the_layer(self):
        slots = np.random.default_rng(0).normal(size=(2, 3, 6)).astype(np.float32)
        count = 6 * 5 + 5 + 5 * 19 + 19
        head = helpers.run_layer_test(self, PropertyHead, {"hidden_size": 5}, slots, (2, 3, 19), count)
        self.assertTrue((0.0 < np.asarray(head(slots))).all() and (np.asarray(head(slots)) < 1.0).all())
