"""The contract's own part: the segmentation, drawing noise, and what a subclass must define."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.models.object_model import NoiseSpec, ObjectModel


class FixedMasks(ObjectModel):
    """Returns the masks that it was given, so that only the base class is at work."""

    def __init__(self, masks):
        super().__init__((2, 2, 1), num_slots=masks.shape[1])
        self._masks = masks

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        shape = (batch_size, num_slots or self.num_slots, num_iterations or 500)
        return {"gaussian": NoiseSpec(shape), "where": NoiseSpec(shape, "uniform")}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        return {"masks": keras.ops.convert_to_tensor(self._masks), **noise}


class ObjectModelTest(unittest.TestCase):
    def setUp(self):
        masks = np.zeros((1, 3, 2, 2), np.float32)
        masks[0, :, 0, 0] = [0.2, 0.5, 0.3]
        masks[0, :, 0, 1] = [0.4, 0.4, 0.2]
        masks[0, :, 1, 0] = [0.2, 0.4, 0.4]
        masks[0, :, 1, 1] = [1 / 3, 1 / 3, 1 / 3]
        self.model = FixedMasks(masks)
        self.image = np.zeros((1, 2, 2, 1), np.float32)

    def test_segmentation_takes_the_lowest_index_on_ties(self):
        segmentation = helpers.array(self.model(self.image)["segmentation"])
        np.testing.assert_array_equal(segmentation, [[[1, 0], [1, 0]]])
        self.assertEqual(segmentation.dtype, np.int32)

    def test_drawn_noise_has_the_named_distributions(self):
        noise = {name: helpers.array(value) for name, value in self.model.draw_noise(4, num_slots=5).items()}
        self.assertEqual({name: value.shape for name, value in noise.items()},
                         {"gaussian": (4, 5, 500), "where": (4, 5, 500)})
        self.assertEqual(self.model.draw_noise(4, num_iterations=7)["where"].shape, (4, 3, 7))
        self.assertAlmostEqual(noise["gaussian"].mean(), 0.0, delta=0.05)
        self.assertAlmostEqual(noise["gaussian"].std(), 1.0, delta=0.05)
        self.assertAlmostEqual(noise["where"].mean(), 0.5, delta=0.02)
        self.assertTrue(0.0 <= noise["where"].min() and noise["where"].max() < 1.0)

    def test_noise_given_is_noise_used(self):
        noise = {name: np.full((1, 3, 500), value, np.float32) for name, value in (("gaussian", 2.0), ("where", 0.5))}
        outputs = self.model(self.image, noise=noise)
        for name, value in noise.items():
            np.testing.assert_array_equal(outputs[name], value)

    def test_the_image_is_the_target_of_what_is_learned_without_labels(self):
        self.assertIs(self.model.target_of(self.image, {"mask": None}), self.image)
        self.assertEqual((self.model.target_shape, self.model.needs_factors), ((2, 2, 1), False))

    def test_layers_hear_whether_it_is_training(self):
        class Asking(keras.layers.Layer):
            def call(self, values, training=None):
                return values + (2.0 if training else 1.0)

        class AskingModel(FixedMasks):
            def forward(self, image, noise, num_slots=None, num_iterations=None):
                return {**super().forward(image, noise), "heard": self.asking(image)}

        model = AskingModel(np.zeros((1, 3, 2, 2), np.float32))
        model.asking = Asking()
        for training, heard in ((True, 2.0), (False, 1.0), (None, 1.0)):
            np.testing.assert_array_equal(model(self.image, training=training)["heard"], self.image + heard)

    def test_subclass_without_its_parts_says_which(self):
        model = ObjectModel((2, 2, 1), num_slots=2)
        for name, arguments in (("noise_spec", (1,)), ("forward", (None, None)), ("losses_of", (None, None))):
            with self.assertRaisesRegex(TypeError, f"ObjectModel must define {name}"):
                getattr(model, name)(*arguments)
