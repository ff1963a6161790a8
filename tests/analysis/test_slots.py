"""Scores against the number of slots."""

import numpy as np

from tests.analysis.opened import AnalysisTestCase, Refiner, silent
from tfobj.analysis import slots
from tfobj.analysis.options import SlotsOptions
from tfobj.errors import UserError


class SlotsTest(AnalysisTestCase):
    def test_scores_are_those_of_an_evaluation_with_as_many_slots(self):
        opened = self.open()
        finding = slots.analyse(opened, SlotsOptions(slots=(2, 5)), silent)
        self.assertEqual(finding.result["trained_slots"], 4)
        self.assertEqual([row["num_slots"] for row in finding.result["slots"]], [2, 5])
        for row in finding.result["slots"]:
            per_image = opened.scores(num_slots=row["num_slots"])["per_image"]
            for name, box in row["scores"].items():
                expected = np.percentile(per_image[name], (25, 50, 75))
                actual = [box[part] for part in ("lower_quartile", "median", "upper_quartile")]
                np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)
                self.assertLessEqual(box["lower_whisker"], box["lower_quartile"])
                self.assertGreaterEqual(box["upper_whisker"], box["upper_quartile"])

    def test_divergence_and_likelihood_are_those_of_the_last_iteration(self):
        opened = self.open(Refiner())
        result = slots.analyse(opened, SlotsOptions(slots=(2,)), silent).result
        draws = opened.noise(range(6), opened.overrides(num_slots=2))["slots"]
        expected = np.square(draws[:, :, -1]).sum(axis=(1, 2)).mean()
        self.assertAlmostEqual(result["slots"][0]["scores"]["kl"]["mean"], expected, places=4)
        self.assertAlmostEqual(result["slots"][0]["scores"]["nll"]["mean"], -10.0 * expected, places=3)

    def test_one_number_of_slots_too_many(self):
        with self.assertRaisesRegex(UserError, "--num_slots=3 has no effect with --analysis=slots; use --slots"):
            slots.analyse(self.open(num_slots=3), SlotsOptions(), silent)
