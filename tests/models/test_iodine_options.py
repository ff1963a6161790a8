"""IODINE's options: which inputs the refinement reads, the constants of the published model, heads, sequences."""

import dataclasses
import unittest

import keras
import numpy as np

from tests import helpers
from tests.models.tiny_iodine import SHAPE, build, loss_of
from tfobj.errors import UserError
from tfobj.layers.refinement_inputs import FLAT, NORMALISED, SPATIAL
from tfobj.serving.options import ServingOptions


class OptionsTest(unittest.TestCase):
    def setUp(self):
        self.image = helpers.unit_images(2, SHAPE)

    def test_every_input_can_be_removed(self):
        """Its channels leave the first convolution or the cell, its normalisation goes, and a step still trains."""
        full = helpers.count_parameters(build())
        channels = {"components": 3, "coordinates": 2, "dcomponents": 3, "image": 3}
        sizes = {"dzp": 6, "flat_capacity": 1, "zp": 6}
        for name in (*SPATIAL, *FLAT):
            with self.subTest(name=name):
                model = build(excluded_inputs=name)
                size = sizes.get(name, channels.get(name, 1))
                removed = size * (4 * 4 if name in FLAT else 9 * 4) + (2 * size if name in NORMALISED else 0)
                self.assertEqual(full - helpers.count_parameters(model), removed)
                noise = helpers.noise_of(model, 2)
                before = float(loss_of(model, self.image, noise))
                gradients = helpers.gradients(model, lambda: loss_of(model, self.image, noise))
                for variable in model.trainable_variables:
                    gradient = gradients[helpers.weight_name(variable)]
                    variable.assign_sub(1e-5 * gradient)
                self.assertLess(float(loss_of(model, self.image, noise)), before)

    def test_without_gradients_among_the_inputs(self):
        model = build(excluded_inputs="dzp,dmask,dcomponents")
        outputs = model(self.image, noise=helpers.noise_of(model, 2))
        self.assertTrue(np.isfinite(outputs["iteration_nll"]).all())

    def test_legacy_constants_can_be_dropped(self):
        model = build(legacy_constants=False)
        difference = helpers.count_parameters(build()) - helpers.count_parameters(model)
        self.assertEqual(difference, 9 * 4 + 9 * 4 + 4 * 4)  # the 5 of the decoder and both capacities
        self.assertNotIn("capacity", model.refinement_inputs.names)
        model(self.image, noise=helpers.noise_of(model, 2))

    def test_one_slot_needs_the_comparison_removed(self):
        for change in (lambda: build(num_slots=1), lambda: build().noise_spec(1, 1)):
            with self.assertRaisesRegex(UserError, "num_slots=1, but the refinement compares"):
                change()
        model = build(num_slots=1, excluded_inputs="counterfactual")
        outputs = model(self.image, noise=helpers.noise_of(model, 2))
        np.testing.assert_allclose(outputs["masks"], 1.0)

    def test_wrong_input_names_are_errors(self):
        with self.assertRaisesRegex(UserError, "'pixels' is no input of the refinement network"):
            build(excluded_inputs="image,pixels")

    def test_predictor_corrector_head(self):
        keras.utils.set_random_seed(0)
        options = dataclasses.asdict(helpers.iodine_config(
            refinement_head="predictor_corrector", predictor_units=3, corrector_bias=1.0, predictor_bias=-1.0))
        model = type(build())(SHAPE, name="iodine", **options).build_on_zeros()
        head = model.refinement.update
        self.assertEqual((head.predict0.units, head.corrector_bias, head.predictor_bias), (3, 1.0, -1.0))
        twin = type(model).from_config(model.get_config()).build_on_zeros()
        noise = helpers.noise_of(model, 2)
        helpers.copy_weights(model, twin)
        np.testing.assert_array_equal(twin(self.image, noise=noise)["slots"], model(self.image, noise=noise)["slots"])


class SequencesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = build(sequential=True)
        cls.frames = helpers.unit_images(2 * 4, SHAPE).reshape(2, 4, *SHAPE)
        cls.noise = helpers.noise_of(cls.model, 2)

    def test_an_iteration_sees_its_frame_and_predicts_it_from_earlier_ones(self):
        before = self.model(self.frames, noise=self.noise)
        for frame, changed in ((0, [0, 1, 2]), (1, [1, 2]), (2, [2]), (3, [])):
            frames = self.frames.copy()
            frames[:, frame] = 1.0 - frames[:, frame]
            after = self.model(frames, noise=self.noise)
            nll = np.abs(after["iteration_nll"] - before["iteration_nll"]).max(axis=0)
            np.testing.assert_array_equal(np.flatnonzero(nll), changed)
            masks = np.abs(after["iteration_masks"] - before["iteration_masks"]).max(axis=(0, 2, 3, 4))
            np.testing.assert_array_equal(np.flatnonzero(masks), [t for t in changed if t > frame])

    def test_equal_frames_give_what_a_still_image_gives(self):
        still = helpers.copy_weights(self.model, build())
        frames = np.repeat(self.frames[:, :1], 3, axis=1)
        expected, outputs = still(frames[:, 0], noise=self.noise), self.model(frames, noise=self.noise)
        self.assertEqual(helpers.largest_difference(outputs, expected), 0.0)

    def test_error_is_that_of_the_last_frame(self):
        self.assertEqual((self.model.num_frames, self.model.example_shape), (3, (3, *SHAPE)))
        outputs = self.model(self.frames, noise=self.noise)
        error = np.mean((self.frames[:, 2] - outputs["reconstruction"])**2, axis=(1, 2, 3))
        np.testing.assert_allclose(self.model.losses_of(self.frames, outputs)["mse"], error, rtol=1e-5)
        np.testing.assert_array_equal(self.model.scored_frame(self.frames), self.frames[:, 2])
        np.testing.assert_array_equal(self.model.scored_frame(self.frames, 1), self.frames[:, 1])

    def test_too_few_frames_is_an_error(self):
        with self.assertRaisesRegex(UserError, "num_iterations=2 needs 3 frames, but the sequences have 2; use "
                                    "--num_iterations=1"):
            self.model(self.frames[:, :2], noise=self.noise)

    def test_single_images_cannot_be_served(self):
        with self.assertRaisesRegex(UserError, "predictions and exports take single images"):
            ServingOptions().check_model(self.model)


if __name__ == "__main__":
    unittest.main()
