"""Scores of models that find objects: which there are for which outputs, and what becomes of empty images."""

import unittest

import numpy as np

from tests import helpers
from tests.metrics.test_segmentation import random_maps
from tfobj.metrics import covering
from tfobj.metrics import segmentation
from tfobj.tasks.object_discovery import ObjectDiscovery


def soft(labels, num_slots):
    """Masks whose largest is that of the label, float32 [B,K,H,W]."""
    return np.moveaxis(0.6 * np.eye(num_slots, dtype=np.float32)[labels] + 0.4 / num_slots, -1, 1)


class ObjectDiscoveryTest(unittest.TestCase):
    def setUp(self):
        self.true, self.labels = random_maps(0)
        self.true[2] = 0
        _, self.others = random_maps(1)
        self.outputs = {"masks": soft(self.labels, 5), "components": np.zeros((6, 5, 12, 12, 3), np.float32),
                        "reconstruction": np.full((6, 12, 12, 3), 0.5, np.float32)}
        self.image = np.full((6, 12, 12, 3), 255, np.uint8)

    def summary(self, outputs, max_objects=3, **batch):
        task = ObjectDiscovery()
        values = task.values_of({"image": self.image, "mask": self.true, **batch}, outputs, None, max_objects)
        return task.summary({name: helpers.array(value) for name, value in values.items()})

    def test_scores_of_the_masks(self):
        scores = self.summary(self.outputs)
        for name, foreground in (("ari", False), ("ari_fg", True)):
            values = segmentation.adjusted_rand_index(self.true, self.labels, 4, 5, foreground)
            self.assertAlmostEqual(scores[name], np.mean(values))
        for name, foreground in (("msc", False), ("msc_fg", True)):
            values = np.asarray(covering.segmentation_covering(self.true, self.labels, 4, 5, foreground))
            self.assertAlmostEqual(scores[name], values[~np.isnan(values)].mean())
            scaled = np.asarray(covering.segmentation_covering(self.true, self.labels, 4, 5, foreground, weighted=True))
            self.assertAlmostEqual(scores[f"{name}_scaled"], scaled[~np.isnan(scaled)].mean())
            self.assertNotAlmostEqual(scores[f"{name}_scaled"], scores[name])
        self.assertEqual(scores["num_without_objects"], 1)
        self.assertFalse({"average_k", "slot_count_mae"} & set(scores) or any("attention" in name for name in scores))

    def test_errors_are_given_in_the_scale_of_every_paper(self):
        scores = self.summary(self.outputs)
        self.assertEqual((scores["mse"], scores["mse_sum"]), (0.25, 0.25 * 12 * 12 * 3))

    def test_second_kinds_of_masks_are_scored_beside_the_masks(self):
        expected = self.summary({**self.outputs, "masks": soft(self.others, 5)})
        for kind in ("attention", "decoder"):
            scores = self.summary({**self.outputs, f"{kind}_masks": soft(self.others, 5)})
            for name in ("ari", "ari_fg", "msc", "msc_fg"):
                self.assertEqual(scores[f"{name}_{kind}"], expected[name])
                self.assertEqual(scores[name], self.summary(self.outputs)[name])

    def test_a_grid_of_tiles_is_scored_beside_the_masks(self):
        tiles = np.kron([[0, 1], [2, 3]], np.ones((6, 6), np.int32))[None].repeat(6, axis=0)
        expected = self.summary({**self.outputs, "masks": soft(tiles, 5)})
        scores = self.summary(self.outputs)
        for name in ("ari", "ari_fg", "msc", "msc_fg"):
            self.assertEqual(scores[f"{name}_tiles"], expected[name])
            self.assertNotEqual(scores[f"{name}_tiles"], scores[name])

    def test_slots_are_counted_where_the_model_finds_their_number(self):
        scores = self.summary({**self.outputs, "num_used_slots": np.float32([4, 4, 3, 4, 5, 2])})
        self.assertAlmostEqual(scores["average_k"], 22 / 6)
        self.assertAlmostEqual(scores["slot_count_mae"], (0 + 0 + 2 + 0 + 1 + 2) / 6)

    def test_scenes_that_never_show_an_object_have_no_foreground_covering(self):
        self.true = np.zeros_like(self.true)
        scores = self.summary(self.outputs, max_objects=0)
        self.assertNotIn("msc_fg", scores)
        self.assertEqual((scores["ari_fg"], scores["num_without_objects"]), (1.0, 6))
        self.assertTrue(0.0 < scores["msc"] <= 1.0)

    def test_attention_masks_are_drawn(self):
        outputs = {"masks": soft(self.labels, 5), "attention_masks": soft(self.others, 5),
                   "components": np.zeros((6, 5, 12, 12, 3), np.float32),
                   "reconstruction": np.zeros((6, 12, 12, 3), np.float32)}

        class Model:
            background_slot = None

            def scored_frame(self, values, num_iterations):
                return values

        batch = {"image": np.zeros((6, 12, 12, 3), np.uint8), "mask": self.true}
        grids = ObjectDiscovery().pictures(Model(), batch, outputs)
        self.assertEqual(set(grids), {"slots", "attention"})
        self.assertEqual(grids["attention"].dtype, np.uint8)
        Model.background_slot = 0
        outputs["boxes"] = np.tile([0.25, 0.25, 0.75, 0.75], (6, 4, 1))
        self.assertEqual(set(ObjectDiscovery().pictures(Model(), batch, outputs)), {"slots", "boxes", "attention"})


if __name__ == "__main__":
    unittest.main()
