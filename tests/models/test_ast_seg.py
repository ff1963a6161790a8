"""The AST-Seg model: what its parts have to do with one another."""

import dataclasses
import pathlib
import tempfile
import unittest
from unittest import mock

import keras
import numpy as np

from tests import helpers
from tests.conformance.descriptors import AST_SEG, MODELS
from tests.mix_transformer_files import checkpoint, write_safetensors
from tfobj import registry
from tfobj.ast_seg_config import AstSegConfig
from tfobj.errors import UserError
from tfobj.models.ast_seg import AstSeg

DESCRIPTOR = next(descriptor for descriptor in MODELS if descriptor.name == "ast_seg")
SIDE = DESCRIPTOR.image_shape[0]


class AstSegTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = DESCRIPTOR.build()
        cls.image = DESCRIPTOR.image(2)
        cls.outputs = cls.model(cls.image)
        cls.losses = cls.model.losses_of(cls.image, cls.outputs)

    def setUp(self):
        self.addCleanup(self.model.enter_phase, "joint")

    def test_contract(self):
        extras = {"attention": (1, 4, SIDE, SIDE), "positions": (3, 2), "inverse_scales": (3, 2), "boxes": (3, 4),
                  "activations": (3,), "predicted_error": (SIDE, SIDE)}
        helpers.run_model_test(self, self.model, None, extras)
        np.testing.assert_array_equal(helpers.array(self.outputs["slots"])[:, 0], 0.0)
        np.testing.assert_allclose(np.sum(self.outputs["attention"], axis=(3, 4)), [[[0.0, 1.0, 1.0, 1.0]]] * 2,
                                   atol=1e-5)

    def test_the_loss_is_that_of_the_paper(self):
        outputs = {name: helpers.array(value) for name, value in self.outputs.items()}
        error = np.abs(outputs["reconstruction"] - self.image).sum(axis=-1)
        masks = outputs["masks"]
        entropy = (masks * np.log(masks + 1e-20)).sum(axis=1)
        expected = (error**2).mean(axis=(1, 2)) + 0.01 * (entropy**2).mean(axis=(1, 2))
        np.testing.assert_allclose(self.losses["loss"], expected, rtol=1e-5)
        squares = np.square(outputs["reconstruction"] - self.image).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(self.losses["mse_sum"], squares, rtol=1e-5)

    def test_another_background_changes_the_picture_but_no_mask(self):
        found = self.model.find(self.image)
        first, second = (self.model.compose(found, np.full((2, SIDE, SIDE, 3), value, np.float32)) for value in (0.0, 1.0))
        np.testing.assert_array_equal(first["masks"], second["masks"])
        difference = second["reconstruction"] - first["reconstruction"]
        np.testing.assert_allclose(difference[..., 0], first["masks"][:, 0], atol=1e-5)

    def test_without_background_only_the_picture_changes(self):
        config = dataclasses.replace(AST_SEG, use_background=False)
        model = helpers.copy_weights(self.model, registry.build_model("ast_seg", config, DESCRIPTOR.image_shape))
        with mock.patch.object(model.background, "call", side_effect=AssertionError("it was computed")):
            outputs = model(self.image)
        for name in ("masks", "segmentation", "slots", "boxes"):
            np.testing.assert_array_equal(outputs[name], self.outputs[name], name)
        np.testing.assert_array_equal(outputs["components"][:, 0], np.zeros((2, SIDE, SIDE, 3)))
        with self.assertRaisesRegex(UserError, "--nouse_background is for scoring"):
            model.start_training()

    def test_dropout_is_for_training(self):
        noise = {"dropout": np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)}
        self.assertEqual(set(self.model.training_noise_spec(2)), set(noise))
        self.assertEqual(self.model.noise_spec(2), {})
        dropped = self.model(self.image, noise=noise)
        self.assertGreater(helpers.largest_difference(dropped["slots"], self.outputs["slots"]), 1e-3)

    def test_phases_train_what_they_are_named_after(self):
        weights = {name: None for name in ("background", "frozen", "joint")}
        for phase in weights:
            self.model.enter_phase(phase)
            weights[phase] = {helpers.weight_name(variable) for variable in self.model.trainable_variables}
        self.assertEqual(weights["background"] | weights["frozen"], weights["joint"])
        self.assertFalse(weights["background"] & weights["frozen"])
        self.assertTrue(all(name.startswith("background/") for name in weights["background"]))
        self.assertIn("occlusion/background", weights["frozen"])

    def test_active_objects_are_counted_per_image_and_in_the_batch(self):
        """With masks of which each image uses another object."""
        masks = np.zeros((2, 4, SIDE, SIDE), np.float32)
        masks[:, 0] = 1.0
        for image, objects in enumerate(((1,), (1, 3))):
            for number in objects:
                masks[image, number, 2, 3], masks[image, 0, 2, 3] = 2e-3, 1.0 - 2e-3 * number
        masks[1, 2, 0, 0] = 5e-4
        outputs = {**self.outputs, "masks": masks}
        np.testing.assert_array_equal(self.model.losses_of(self.image, outputs)["active_slots"], [1.0, 2.0])
        with mock.patch.object(AstSeg, "call", lambda *arguments, **options: outputs):
            terms = self.model.training_terms(self.image, self.image, {})
        np.testing.assert_array_equal(terms["active_slots_in_batch"], [2.0, 2.0])

    def test_the_background_phase_minimises_the_robust_loss(self):
        self.model.enter_phase("background")
        terms = self.model.training_terms(self.image, self.image, {})
        np.testing.assert_allclose(terms["loss"], self.losses["background_loss"], rtol=1e-5)
        steps = float(self.model.entropy_weight.step)
        self.model.after_step(terms)
        self.assertEqual(float(self.model.entropy_weight.step), steps)

    def test_another_number_of_slots_is_refused(self):
        with self.assertRaisesRegex(UserError, "built for 4 slots"):
            self.model.noise_spec(1, num_slots=6)

    def test_an_empty_range_of_sizes_is_refused(self):
        with self.assertRaisesRegex(UserError, "--min_inverse_scale=1.3 is not below --max_inverse_scale=1"):
            registry.build_model("ast_seg", dataclasses.replace(AST_SEG, min_inverse_scale=1.3, max_inverse_scale=1.0),
                                 (SIDE, SIDE, 3))

    def test_heads_that_do_not_divide_the_width_are_refused(self):
        config = dataclasses.replace(AST_SEG, transformer_width=100, transformer_heads=8)
        with self.assertRaisesRegex(UserError, "^--transformer_width=100 is no multiple of --transformer_heads=8; use "
                                    "--transformer_width=104, or other heads$"):
            registry.build_model("ast_seg", config, (SIDE, SIDE, 3))
        registry.build_model("ast_seg", dataclasses.replace(config, use_transformer=False), (SIDE, SIDE, 3))

    def test_the_background_is_cut_to_8_bits_where_it_is_frozen(self):
        config = dataclasses.replace(AST_SEG, quantize_background=True)
        model = helpers.copy_weights(self.model, registry.build_model("ast_seg", config, DESCRIPTOR.image_shape))
        behind = helpers.array(self.model.background(self.image))
        for phase, expected in (("frozen", np.floor(255.0 * behind) / 255.0), ("joint", behind)):
            model.enter_phase(phase)
            outputs = model(self.image)
            np.testing.assert_allclose(outputs["components"][:, 0], expected[..., :3], atol=1e-6, err_msg=phase)
        self.model.enter_phase("frozen")
        np.testing.assert_allclose(self.model(self.image)["components"][:, 0], behind[..., :3], atol=1e-6)
        self.assertGreater(np.abs(np.floor(255.0 * behind) / 255.0 - behind).max(), 1e-3)

    def test_a_background_that_was_computed_before_gives_the_same_terms(self):
        noise = {"dropout": np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)}
        for quantized, scale in ((False, 1.0), (True, 255.0)):
            config = dataclasses.replace(AST_SEG, quantize_background=quantized)
            model = helpers.copy_weights(self.model, registry.build_model("ast_seg", config, DESCRIPTOR.image_shape))
            model.enter_phase("frozen")
            wanted = model.precomputation()
            stored = helpers.array(wanted.compute(self.image)).astype(wanted.dtype)  # [B,H,W,4]
            self.assertEqual((stored.shape[1:], stored.dtype), (wanted.shape, np.uint8 if quantized else np.float32))
            expected = model.training_terms(self.image, self.image, noise)
            with mock.patch.object(model.background, "call", side_effect=AssertionError("it was computed")):
                found = model.training_terms(self.image, self.image, noise, behind=stored / np.float32(scale))
                changed = model.training_terms(self.image, self.image, noise, behind=np.zeros(stored.shape, np.float32))
            for name, value in expected.items():
                np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)
            self.assertGreater(np.abs(changed["loss"] - expected["loss"]).min(), 0.1)

    def test_gray_images_are_refused(self):
        with self.assertRaisesRegex(UserError, "3 channels"):
            registry.build_model("ast_seg", AST_SEG, (SIDE, SIDE, 1))

    def test_random_backbone_is_announced(self):
        keras.utils.set_random_seed(0)
        config = AstSegConfig(num_slots=3, backbone="tiny", background_model="tiny", transformer_layers=1)
        model = registry.build_model("ast_seg", config, (32, 32, 3))
        self.assertRegex(model.start_training()[0], "random weights")
        self.assertEqual(self.model.start_training(), [])

    def test_training_starts_from_the_backbone_of_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "model.safetensors"
            config = AstSegConfig(num_slots=3, backbone="tiny", background_model="tiny", transformer_layers=1,
                                  backbone_weights=str(path))
            model = registry.build_model("ast_seg", config, (32, 32, 3))
            with self.assertRaisesRegex(UserError, "model.safetensors cannot be read"):
                model.start_training()
            arrays = checkpoint((1, 1, 1, 1))
            write_safetensors(path, arrays)
            head = [helpers.array(weight) for weight in model.generator.head.weights]
            self.assertEqual(model.start_training(), [])
        backbone = model.generator.backbone
        for name, kernel in (("block.1.0.attention.self.query", backbone.blocks[1][0].query.kernel),
                             ("block.3.0.mlp.dense2", backbone.blocks[3][0].final.kernel)):
            np.testing.assert_array_equal(kernel, arrays[f"segformer.encoder.{name}.weight"].T)
        self.assertEqual(helpers.largest_difference(head, model.generator.head.weights), 0.0)
