"""Guard rails on constructed cases: collapsed, dead and well separated slots."""

import unittest

import numpy as np

from tfobj.metrics import slot_statistics


def stripes(num_slots=4, side=8):
    """Hard masks [1,K,side,side], one vertical stripe per slot."""
    owner = np.arange(side) * num_slots // side
    masks = (owner[None, :] == np.arange(num_slots)[:, None]).astype(np.float32)  # [K,side]
    return np.broadcast_to(masks[None, :, None, :], (1, num_slots, side, side)).copy()


class SlotStatisticsTest(unittest.TestCase):

    def test_equal_masks_and_components_are_all_alike(self):
        masks, components = np.full((2, 5, 8, 8), 0.2), np.full((2, 5, 8, 8, 3), 0.7)
        values = slot_statistics.slot_statistics(masks, components)
        self.assertAlmostEqual(float(values["slots_alike"]), 1.0, places=5)
        self.assertAlmostEqual(float(values["mask_entropy"]), 1.0, places=5)
        np.testing.assert_allclose(values["slot_usage"], [1, 0, 0, 0, 0])  # ties go to the lowest index
        self.assertEqual(float(values["dead_slots"]), 4.0)

    def test_disjoint_masks_are_not_alike(self):
        values = slot_statistics.slot_statistics(stripes())
        self.assertEqual(float(values["slots_alike"]), 0.0)
        self.assertAlmostEqual(float(values["mask_entropy"]), 0.0, places=6)
        np.testing.assert_allclose(values["slot_usage"], np.ones(4))
        self.assertEqual((float(values["used_slots"]), float(values["dead_slots"])), (4.0, 0.0))

    def test_one_slot_that_takes_everything_leaves_the_others_dead(self):
        masks = np.zeros((1, 4, 8, 8), np.float32)
        masks[:, 2] = 1.0
        values = slot_statistics.slot_statistics(masks)
        np.testing.assert_allclose(values["slot_usage"], [0, 0, 1, 0])
        self.assertEqual((float(values["used_slots"]), float(values["dead_slots"])), (1.0, 3.0))
        self.assertEqual(float(values["slots_alike"]), 0.0)

    def test_equal_masks_with_opposite_components_are_not_alike(self):
        components = np.stack([np.zeros((1, 8, 8, 3)), np.ones((1, 8, 8, 3))], axis=1)
        values = slot_statistics.slot_statistics(np.full((1, 2, 8, 8), 0.5), components)
        self.assertAlmostEqual(float(values["slots_alike"]), 0.0, places=6)

    def test_two_equal_slots_of_three_lie_in_between(self):
        masks = stripes(3, 9)
        masks[:, :2] = masks[:, :2].sum(axis=1, keepdims=True) / 2.0
        # areas 1/3 each; of the three equally weighted pairs one is identical and two are disjoint
        self.assertAlmostEqual(float(slot_statistics.slot_statistics(masks)["slots_alike"]), 1 / 3, places=5)

    def test_entropy_of_two_sure_slots_among_four(self):
        masks = np.zeros((1, 4, 8, 8))
        masks[:, :2] = 0.5
        self.assertAlmostEqual(float(slot_statistics.slot_statistics(masks)["mask_entropy"]), 0.5, places=6)

    def test_padding_rows_do_not_count(self):
        masks = np.concatenate([stripes(), np.full((1, 4, 8, 8), 0.25)])
        values = slot_statistics.slot_statistics(masks, valid=np.array([True, False]))
        expected = slot_statistics.slot_statistics(stripes())
        for name in expected:
            np.testing.assert_allclose(values[name], expected[name], atol=1e-6)

    def test_a_slot_used_in_half_of_the_images_is_not_dead(self):
        masks = np.concatenate([stripes(), stripes()])
        masks[1, 0] += masks[1, 3]
        masks[1, 3] = 0.0
        values = slot_statistics.slot_statistics(masks)
        np.testing.assert_allclose(values["slot_usage"], [1.0, 1.0, 1.0, 0.5])
        self.assertEqual((float(values["used_slots"]), float(values["dead_slots"])), (3.5, 0.0))

    def test_a_single_slot_has_no_entropy_and_nobody_to_be_alike(self):
        values = slot_statistics.slot_statistics(np.ones((2, 1, 4, 4)), np.ones((2, 1, 4, 4, 3)))
        self.assertEqual((float(values["mask_entropy"]), float(values["slots_alike"])), (0.0, 0.0))


if __name__ == "__main__":
    unittest.main()
