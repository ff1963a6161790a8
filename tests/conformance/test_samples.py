"""Models whose prior defines scenes draw them by one contract."""

import unittest

import numpy as np

from tests import helpers
from tests.conformance.descriptors import for_every_model
from tfobj import noise as noises
from tfobj import registry
from tfobj.models.scene_prior import ScenePrior


class SamplesTest(unittest.TestCase):
    @for_every_model
    def test_samples_follow_the_contract(self, descriptor):
        if not _draws_scenes(descriptor):
            return
        model = descriptor.build()
        noise = noises.example_noise(model.sample_noise_spec(1), 0, range(3))
        scenes = _arrays(model.sample(noise))
        height, width, channels = descriptor.image_shape
        num_slots = next(iter(noise.values())).shape[1]
        self.assertEqual({name: scenes[name].shape for name in ("reconstruction", "masks", "components")},
                         {"reconstruction": (3, height, width, channels), "masks": (3, num_slots, height, width),
                          "components": (3, num_slots, height, width, channels)})
        np.testing.assert_array_equal(scenes["segmentation"], scenes["masks"].argmax(axis=1))
        np.testing.assert_allclose(scenes["masks"].sum(axis=1), 1.0, atol=1e-5)
        painted = (scenes["masks"][..., None] * scenes["components"]).sum(axis=1)
        np.testing.assert_allclose(scenes["reconstruction"], painted, atol=1e-5)
        self.assertEqual(scenes["slots"].shape[:2], (3, num_slots))

        self.assertEqual(helpers.largest_difference(model.sample(noise), scenes), 0.0)
        alone = model.sample({name: value[2:] for name, value in noise.items()})
        np.testing.assert_allclose(alone["reconstruction"][0], scenes["reconstruction"][2], atol=1e-5)
        self.assertGreater(np.abs(scenes["reconstruction"][0] - scenes["reconstruction"][1]).max(), 1e-3)

    @for_every_model
    def test_samples_have_as_many_slots_as_asked_for(self, descriptor):
        if not _draws_scenes(descriptor) or descriptor.fixed_slots:
            return
        model = descriptor.build()
        noise = noises.example_noise(model.sample_noise_spec(1, 5), 0, [0])
        self.assertEqual(model.sample(noise)["masks"].shape[1], 5)


def _draws_scenes(descriptor):
    return issubclass(registry.load(registry.model_entry(descriptor.name).path), ScenePrior)


def _arrays(outputs):
    return {name: helpers.array(value) for name, value in outputs.items()}


if __name__ == "__main__":
    unittest.main()
