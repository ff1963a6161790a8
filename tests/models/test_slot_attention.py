"""The Slot Attention autoencoder: sizes, contract, invariances, and the colours of slots in closed form."""

import dataclasses
import unittest
import warnings

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tfobj import config
from tfobj import registry
from tfobj.errors import UserError

SMALL = {"encoder_channels": 32, "decoder_channels": 32, "decoder_broadcast_size": 0, "decoder_strides": (1, 1, 1)}


def build(model_config, image_shape=(16, 16, 3)):
    """A built model with weights away from their initial values."""
    keras.utils.set_random_seed(0)
    return helpers.perturb(registry.build_model("slot_attention", model_config, image_shape))


class PublishedSizesTest(unittest.TestCase):
    def check_parts(self, model, *expected):
        parts = (model.encoder, model.slot_attention, model.decoder)
        self.assertEqual(tuple(map(helpers.count_parameters, parts)), expected)

    def test_clevr_model(self):
        model = registry.build_model("slot_attention", config.SlotAttentionConfig(), (128, 128, 3))
        self.check_parts(model, 321_024, 54_336, 514_948)
        self.assertEqual(helpers.count_parameters(model), 890_308)
        self.assertEqual(model.decoder.grid_size, (8, 8))

    def test_small_model(self):
        model = registry.build_model("slot_attention", config.SlotAttentionConfig(num_slots=4, **SMALL), (35, 35, 3))
        self.check_parts(model, 81_664, 50_176, 103_972)
        self.assertEqual(helpers.count_parameters(model), 235_812)
        helpers.run_model_test(self, model, 235_812, {"attention": (3, 4, 35, 35)}, batch_size=1)


class ContractTest(unittest.TestCase):
    def test_image_sizes(self):
        for image_shape, changes in (((35, 35, 3), {"encoder_strides": (1, 1), "decoder_strides": (1, 1)}),
                                     ((64, 64, 3), {"decoder_broadcast_size": 8, "decoder_strides": (2, 2, 2)}),
                                     ((48, 64, 3), {"decoder_strides": (2, 2)}), ((16, 20, 1), {})):
            with self.subTest(image_shape=image_shape):
                model = build(helpers.slot_attention_config(**changes), image_shape)
                height, width = (-(-side // np.prod(model.encoder.strides)) for side in image_shape[:2])
                helpers.run_model_test(self, model, None, {"attention": (2, 3, height, width), "slots": (3, 8)})

    def test_unreachable_image_size_is_an_error(self):
        for image_shape, changes in (((35, 35, 3), {}), ((64, 64, 3), {"decoder_broadcast_size": 8}),
                                     ((48, 64, 3), {"decoder_broadcast_size": 8, "decoder_strides": (2, 2, 2)})):
            with self.assertRaisesRegex(UserError, "the decoder cannot reach the image size"):
                registry.build_model("slot_attention", helpers.slot_attention_config(**changes), image_shape)

    def test_projections_need_features_of_the_slot_size(self):
        model_config = helpers.slot_attention_config(use_projections=False)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with self.assertRaises(UserError) as raised:
                registry.build_model("slot_attention", model_config, (16, 16, 3))
        self.assertEqual(str(raised.exception), "use_projections=False needs input features of the slot size, but they "
                         "have 6 channels and slot_size=8; set --encoder_channels=8")
        self.assertEqual(caught, [], "the error must be the only thing that the user sees")

    def test_parameters_per_slot_fix_the_number_of_slots(self):
        model = build(helpers.slot_attention_config(slot_init="per_slot"))
        self.assertEqual(model.noise_spec(2, 3), model.noise_spec(2))
        for draw in (model.noise_spec, model.draw_noise):
            with self.assertRaises(UserError) as raised:
                draw(1, num_slots=5)
            self.assertEqual(str(raised.exception), "num_slots=5 but slot_init=per_slot has parameters for exactly 3 "
                             "slots; keep --num_slots=3 or train with --slot_init=shared")

    def test_a_single_slot_is_the_whole_image_without_a_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = registry.build_model("slot_attention", helpers.slot_attention_config(num_slots=1), (16, 16, 3))
            outputs = model(helpers.unit_images(2, (16, 16, 3)), noise=helpers.noise_of(model, 2))
        np.testing.assert_array_equal(outputs["masks"], np.ones((2, 1, 16, 16)))

    def test_every_option_reaches_the_module(self):
        changes = {"aggregation": "sum_layernorm", "slot_init": "per_slot", "update": "replace", "use_mlp": False,
                   "norm_inputs": False, "norm_slots": False, "norm_mlp": False, "epsilon_mode": "denominator",
                   "softmax_axis": "inputs", "use_projections": False, "slot_size": 6, "num_iterations": 1}
        model = build(helpers.slot_attention_config(**changes, attention_scale=0.5, attention_epsilon=1e-6))
        for name, value in {**changes, "scale": 0.5, "epsilon": 1e-6}.items():
            self.assertEqual(model.slot_attention.options[name], value)
        helpers.run_model_test(self, model, None, {"attention": (1, 3, 8, 8)})

    def test_configuration_holds_every_knob(self):
        knobs = dataclasses.asdict(helpers.slot_attention_config())
        self.assertEqual(build(helpers.slot_attention_config()).get_config(),
                         {"name": "slot_attention", "image_shape": (16, 16, 3), **knobs})

    def test_without_noise_it_is_drawn_anew(self):
        model, image = build(helpers.slot_attention_config()), helpers.unit_images(2, (16, 16, 3))
        slots = [helpers.array(model(image)["slots"]) for _ in range(2)]
        self.assertGreater(np.abs(slots[0] - slots[1]).max(), 0.01)
        self.assertGreater(np.abs(slots[0][0] - slots[0][1]).max(), 0.01)

    def test_loss_is_the_mean_squared_error_in_the_range_of_the_paper(self):
        model, image = build(helpers.slot_attention_config()), helpers.unit_images(3, (16, 16, 3))
        outputs = model(image, noise=helpers.noise_of(model, 3))
        terms = model.losses_of(image, outputs)
        error = np.square(image - helpers.array(outputs["reconstruction"])).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(terms["mse"], error, rtol=1e-5)
        np.testing.assert_allclose(terms["loss"], 4 * error, rtol=1e-5)


class BatchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = build(helpers.slot_attention_config())
        cls.image = helpers.unit_images(5, (16, 16, 3))

    def test_one_graph_serves_every_batch_size(self):
        model = self.model

        @tf.function(input_signature=[tf.TensorSpec((None, 16, 16, 3)), tf.TensorSpec((None, 3, 8))])
        def function(image, slots):
            return model(image, noise={"slots": slots})

        noise = helpers.noise_of(model, 5)["slots"]
        for count in (1, 2, 5):
            outputs = function(self.image[:count], noise[:count])
            expected = model(self.image[:count], noise={"slots": noise[:count]})
            self.assertEqual(outputs["attention"].shape, (count, 2, 3, 8, 8))
            self.assertLess(helpers.largest_difference(outputs, expected), 1e-4)
        self.assertEqual(function.experimental_get_tracing_count(), 1)

    def test_slots_and_iterations_can_change_at_each_call(self):
        for num_slots, num_iterations in ((5, 4), (2, 1)):
            noise = helpers.noise_of(self.model, 2, num_slots=num_slots)
            outputs = self.model(self.image[:2], noise=noise, num_slots=num_slots, num_iterations=num_iterations)
            self.assertEqual(tuple(outputs["masks"].shape), (2, num_slots, 16, 16))
            self.assertEqual(tuple(outputs["attention"].shape), (2, num_iterations, num_slots, 8, 8))
        self.assertEqual(self.model(self.image[:1], num_slots=6)["slots"].shape[1], 6)

    def test_no_iteration_decodes_the_initial_slots(self):
        noise = helpers.noise_of(self.model, 2)
        outputs = self.model(self.image[:2], noise=noise, num_iterations=0)
        np.testing.assert_allclose(outputs["slots"], self.model.slot_attention.initial_slots(noise["slots"]), atol=1e-6)
        self.assertNotIn("attention", outputs)

    def test_permuting_slots_permutes_masks_and_leaves_the_reconstruction(self):
        slots = np.random.default_rng(0).normal(size=(2, 4, 8)).astype(np.float32)
        order = [3, 1, 0, 2]
        first, second = self.model.decode(slots), self.model.decode(slots[:, order])
        np.testing.assert_allclose(second["reconstruction"], first["reconstruction"], atol=1e-6)
        for name in ("masks", "components"):
            np.testing.assert_allclose(second[name], helpers.array(first[name])[:, order], atol=1e-6)


class ColoursTest(unittest.TestCase):
    def test_constant_colours_of_slots_are_reproduced(self):
        """A decoder that passes the slot through paints each slot in its own colour, mixed by its own logit."""
        model = build(helpers.slot_attention_config(slot_size=4, decoder_channels=4, decoder_strides=(1,)), (9, 11, 3))
        for variable in model.decoder.trainable_variables:
            variable.assign(np.zeros(variable.shape))
        for layer, centre in zip(model.decoder.deconvolutions, (2, 1), strict=True):
            kernel = np.zeros(layer.kernel.shape)
            kernel[centre, centre] = np.eye(4)
            layer.kernel.assign(kernel)
        slots = np.random.default_rng(0).uniform(0.0, 1.0, (2, 3, 4)).astype(np.float32)
        outputs = {name: helpers.array(value) for name, value in model.decode(slots).items()}
        colours = slots[..., :3] * 0.5 + 0.5  # [B,K,3]
        shares = np.exp(slots[..., 3]) / np.exp(slots[..., 3]).sum(axis=1, keepdims=True)  # [B,K]
        np.testing.assert_allclose(outputs["components"], np.broadcast_to(
            colours[:, :, None, None], (2, 3, 9, 11, 3)), atol=1e-6)
        np.testing.assert_allclose(outputs["masks"], np.broadcast_to(
            shares[:, :, None, None], (2, 3, 9, 11)), atol=1e-6)
        np.testing.assert_allclose(outputs["reconstruction"], np.broadcast_to(
            np.einsum("bk,bkc->bc", shares, colours)[:, None, None], (2, 9, 11, 3)), atol=1e-6)
