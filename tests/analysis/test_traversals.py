"""Latent traversals: which slot, which dimensions, which values, and what is painted."""

import dataclasses

import numpy as np

from tests import helpers
from tests.analysis.opened import Ambiguous, AnalysisTestCase, Refiner, silent
from tfobj.analysis import traversals
from tfobj.analysis.options import TraversalsOptions
from tfobj.errors import UserError


class TraversalsTest(AnalysisTestCase):
    def analyse(self, opened, **options):
        return traversals.analyse(opened, TraversalsOptions(**options), silent)

    def test_slot_and_dimensions_by_their_divergence(self):
        opened = self.open(Refiner())
        result = self.analyse(opened, image_index=3, num_dims=3, num_values=5).result
        draws = opened.noise(range(6), opened.overrides())["slots"]
        self.assertEqual(result["slot"], 1 + int(np.square(draws[3, :, -1]).sum(axis=-1).argmax()))
        self.assertEqual((result["slot_chosen_by"], result["dims_chosen_by"]), ("largest KL", "mean KL"))
        ratio = (Refiner.STD / Refiner.prior_std) ** 2
        expected = 0.5 * (ratio + (Refiner.MEAN / Refiner.prior_std) ** 2 - 1.0 - np.log(ratio))
        order = np.argsort(-expected)[:3]
        self.assertEqual([line["dim"] for line in result["dims"]], order.tolist())
        np.testing.assert_allclose([line["score"] for line in result["dims"]], expected[order], rtol=1e-5)
        for line in result["dims"]:
            np.testing.assert_allclose(line["values"], [-1.25, -0.625, 0.0, 0.625, 1.25])

    def test_all_slots_are_painted_with_one_number_changed(self):
        opened = self.open(Refiner())
        latents = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
        line = {"dim": 3, "values": [-2.0, 0.5]}
        picture, = traversals._decoded(opened, latents, 1, [line], lambda done, total: None)
        for value, actual in zip((-2.0, 0.5), picture):
            changed = latents.copy()
            changed[1, 3] = value
            np.testing.assert_allclose(actual, helpers.array(opened.model.decode(changed[None])["reconstruction"])[0],
                                       atol=1e-6)

    def test_slots_without_a_prior(self):
        opened = self.open()
        finding = self.analyse(opened, num_dims=2, num_values=3, extent=2.0)
        outputs = opened.outputs(opened.examples.examples(6)["image"], range(6))
        variance = outputs["slots"].var(axis=(0, 1))
        self.assertEqual(finding.result["dims_chosen_by"], "variance")
        for line, dim in zip(finding.result["dims"], np.argsort(-variance)[:2]):
            values = outputs["slots"][..., dim]
            self.assertEqual(line["dim"], dim)
            expected = values.mean() + 2.0 * values.std() * np.array([-1.0, 0.0, 1.0])
            np.testing.assert_allclose(line["values"], expected, rtol=1e-3, atol=1e-4)
        batch = opened.examples.examples(1)
        area = (outputs["masks"][0] * (batch["mask"][0] > 0)).sum(axis=(1, 2))
        self.assertEqual((finding.result["slot"], finding.result["slot_chosen_by"]),
                         (1 + int(area.argmax()), "most pixels of objects"))
        self.assertEqual(self.analyse(opened, num_dims=1, slot=2).result["slot"], 2)

    def test_what_is_not_there(self):
        opened = self.open()
        with self.assertRaisesRegex(UserError, "--image_index=6 but there are 6 images"):
            self.analyse(opened, image_index=6)
        with self.assertRaisesRegex(UserError, "--slot=5 but there are 4 slots"):
            self.analyse(opened, slot=5)
        opened = self.open(Ambiguous())
        opened.config = dataclasses.replace(opened.config, model="ambiguous")
        with self.assertRaisesRegex(UserError, "--model=ambiguous does not decode latents"):
            self.analyse(opened)
