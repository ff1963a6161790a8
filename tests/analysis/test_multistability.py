"""Distinct segmentations of one image, whatever the order of the slots."""

import numpy as np

from tests.analysis.opened import Ambiguous, AnalysisTestCase, silent
from tfobj.analysis import multistability
from tfobj.analysis.options import MultistabilityOptions
from tfobj.metrics import reference


class MultistabilityTest(AnalysisTestCase):
    def test_two_ways_to_cut_an_image_are_two_in_any_order_of_slots(self):
        opened = self.open(Ambiguous(), noise_seed=7)
        choice = np.concatenate([opened.noise([2], opened.overrides(), seed)["choice"] for seed in range(7, 25)]) > 0.0
        self.assertEqual(len({tuple(row) for row in choice}), 4, "every cut in both orders of the slots")
        options = MultistabilityOptions(image_index=2, num_seeds=18, pixels="all")
        finding = multistability.analyse(opened, options, silent)
        groups = finding.result["groups"]
        self.assertEqual((finding.result["num_distinct"], finding.result["pixels"]), (2, "all"))
        by_cut = [(np.flatnonzero(choice[:, 0] == cut) + 7).tolist() for cut in (True, False)]
        self.assertEqual(sorted(group["seeds"] for group in groups), sorted(by_cut))
        self.assertGreaterEqual(groups[0]["frequency"], groups[1]["frequency"])
        self.assertAlmostEqual(groups[0]["frequency"], len(groups[0]["seeds"]) / 18)
        true = opened.example(2)["mask"][0]
        for group in groups:
            labels = np.zeros((16, 16), int)
            half = (slice(None), slice(8)) if choice[group["seeds"][0] - 7][0] else (slice(8),)
            labels[half] = 1
            expected = reference.adjusted_rand_index(true, labels, 4, 2, ignore_background=True)
            self.assertAlmostEqual(group["ari_fg"], expected, places=6)

    def test_only_what_differs_in_objects_counts_unless_asked_for(self):
        opened = self.open()
        options = MultistabilityOptions(num_seeds=5)
        result = multistability.analyse(opened, options, silent).result
        self.assertEqual(result["pixels"], "objects")
        self.assertEqual(sorted(seed for group in result["groups"] for seed in group["seeds"]), list(range(5)))
        everything = MultistabilityOptions(num_seeds=5, same_ari=-1.0)
        self.assertEqual(multistability.analyse(opened, everything, silent).result["num_distinct"], 1)

    def test_labels_are_renamed_to_agree(self):
        reference_labels = np.random.default_rng(0).integers(0, 4, (9, 9))
        names = np.array([2, 0, 3, 1])
        np.testing.assert_array_equal(multistability.aligned(names[reference_labels], reference_labels, 4),
                                      reference_labels)
