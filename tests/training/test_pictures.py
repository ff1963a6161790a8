"""What a run shows: the task's pictures and, of models with a prior, scenes drawn with the weights of the moment."""

import unittest

import numpy as np

from tests import helpers
from tests.test_sampling import SHAPE, TINY
from tests.training import runs
from tfobj import noise as noises
from tfobj import registry
from tfobj.config import DataConfig
from tfobj.scene_grid import scene_grid
from tfobj.training.engine import single_device_engine
from tfobj.training.pictures import Pictures


class PicturesTest(unittest.TestCase):
    def test_scenes_follow_the_weights_and_nothing_else(self):
        model = helpers.perturb(registry.build_model("genesis_v2", TINY, SHAPE), scale=0.3)
        engine = single_device_engine()
        data = DataConfig(dataset="colored_shapes", dataset_config="tiny", data_dir=runs.data_dir())
        pictures = Pictures(engine, model, engine.evaluation_input(engine.open_source(data), data, "validation", 8, 4))
        first = pictures.draw()
        self.assertEqual(set(first), {"slots", "attention", "samples"})
        np.testing.assert_array_equal(pictures.draw()["samples"], first["samples"])
        helpers.perturb(model, seed=1)
        scenes = model.sample(noises.example_noise(model.sample_noise_spec(1), 0, range(6)))
        expected = scene_grid({name: helpers.array(value) for name, value in scenes.items()})
        second = pictures.draw()["samples"]
        self.assertEqual(second.shape, expected.shape)
        different = np.abs(second.astype(int) - expected).max(axis=-1) > 1
        self.assertLess(different.mean(), 1e-3)  # near ties of masks
        self.assertGreater((first["samples"] != second).mean(), 0.01)


class SceneGridTest(unittest.TestCase):
    def test_a_line_shows_scene_segmentation_and_layers(self):
        masks = np.zeros((1, 2, 4, 4), np.float32)
        masks[0, 0, :, :2], masks[0, 1, :, 2:] = 1.0, 1.0
        components = np.stack([np.full((4, 4, 3), value, np.float32) for value in (1.0, 0.5)])[None]
        scenes = {"reconstruction": (masks[..., None] * components).sum(axis=1), "masks": masks,
                  "components": components}
        picture = scene_grid(scenes)
        tile, edge, gap = 96, 2, 6  # sides of tiles and borders, distance
        top = picture.shape[0] - gap - edge - tile // 2
        centers = [gap + column * (tile + 2 * edge + gap) + edge + tile // 2 for column in range(4)]
        left, right = ([tuple(picture[top, center + side * tile // 4]) for center in centers] for side in (-1, 1))
        self.assertEqual([left[0], right[0]], [(255,) * 3, (128,) * 3])
        self.assertNotEqual(left[1], right[1])
        self.assertEqual([left[2], right[2]], [(255,) * 3, (0,) * 3])
        self.assertEqual([left[3], right[3]], [(0,) * 3, (128,) * 3])


if __name__ == "__main__":
    unittest.main()
