"""Scores after every iteration, from one pass or from one pass per number of iterations."""

import dataclasses
from types import SimpleNamespace

import numpy as np

from tests import helpers
from tests.analysis.opened import AnalysisTestCase, Refiner, silent
from tfobj.analysis import image_scores
from tfobj.analysis import iterations
from tfobj.analysis.options import IterationsOptions
from tfobj.errors import UserError
from tfobj.metrics import reference


def analyse(opened):
    """Runs the analysis."""
    return iterations.analyse(opened, IterationsOptions(), silent)


class IterationsTest(AnalysisTestCase):
    def test_a_model_that_returns_all_iterations(self):
        opened = self.open(Refiner(), num_iterations=4)
        result = analyse(opened).result
        self.assertEqual(result["iterations"], [0, 1, 2, 3, 4])
        batch = opened.examples.examples(6)
        draws = opened.noise(range(6), opened.overrides())["slots"]
        kl = np.square(draws).sum(axis=(1, 3))  # [B,T+1]
        for step in range(5):
            outputs = opened.model.decode(Refiner.MEAN + Refiner.STD * draws[:, :, step])
            labels = helpers.array(outputs["masks"]).argmax(axis=1)
            expected = {
                "mse": np.mean((batch["image"] - helpers.array(outputs["reconstruction"])) ** 2, axis=(1, 2, 3)),
                "ari_fg": [reference.adjusted_rand_index(true, one, 4, 3, ignore_background=True)
                           for true, one in zip(batch["mask"], labels)],
                "kl": kl[:, step], "nll": -10.0 * kl[:, step]}
            self.assertEqual(set(result["scores"]), set(expected))
            for name, values in expected.items():
                score = result["scores"][name]
                low, median, high = np.percentile(values, (25, 50, 75))
                actual = [score[part][step] for part in ("lower_quartile", "median", "upper_quartile", "mean")]
                np.testing.assert_allclose(actual, [low, median, high, np.mean(values)], rtol=1e-4, atol=1e-5)

    def test_another_model_runs_for_every_number_of_iterations(self):
        opened = self.open(num_iterations=3)
        finding = analyse(opened)
        self.assertEqual(finding.result["iterations"], [1, 2, 3])
        self.assertEqual(set(finding.result["scores"]), {"mse", "ari_fg"})
        scores = opened.scores(num_iterations=2)
        for name, summary in finding.result["scores"].items():
            self.assertAlmostEqual(summary["mean"][1], scores[name], places=5)
        self.assertEqual((len(finding.table.splitlines()), finding.picture.dtype), (4, np.uint8))

    def test_what_has_no_iterations_is_refused(self):
        with self.assertRaisesRegex(UserError, "--num_iterations=0 leaves nothing to compare"):
            analyse(self.open(num_iterations=0))
        opened = self.open()
        opened.config = dataclasses.replace(opened.config, model="single", model_config=SimpleNamespace())
        with self.assertRaisesRegex(UserError, "--model=single has no iterations"):
            analyse(opened)

    def test_whiskers_leave_outliers_out(self):
        values = np.array([0.0, 10.0, 11.0, 12.0, 13.0, 14.0, 19.0])
        self.assertEqual(image_scores.whiskers(values), (10.0, 14.0))
