"""The Frechet distance of scenes to data, with a small network instead of Inception, and Inception itself."""

import json
import pathlib
import tempfile
import unittest
from unittest import mock

import keras
import numpy as np

from tests.test_sampling import scenes_of, write_run
from tests.training import runs
from tfobj import frechet_run
from tfobj.errors import UserError
from tfobj.metrics.inception import InceptionFeatures
from tfobj.training.opened_run import OpenedRun, Settings


class PooledColors:
    """Stands in for `InceptionFeatures`: the mean colours of quarters of the image, from a network without weights."""

    size, label, name = 12, "file", "mean colours"

    def __init__(self):
        image = keras.Input((32, 32, 3))
        self.model = keras.Model(image, keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(image)))

    def __call__(self, images):
        return self.model(images)


class EveryPixel:
    """Stands in for `InceptionFeatures`: every value of the image is a feature."""

    size = 32 * 32 * 3

    def __init__(self):
        image = keras.Input((32, 32, 3))
        self.model = keras.Model(image, keras.layers.Flatten()(image))

    def __call__(self, images):
        return keras.ops.reshape(images, (-1, self.size))


def features(images):
    """The same features of whole numbers, with NumPy: [B,32,32,3] -> [B,12]."""
    return images.reshape(-1, 2, 16, 2, 16, 3).mean(axis=(2, 4), dtype=np.float64).reshape(-1, 12)


class FrechetRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.run_dir = pathlib.Path(folder.name)
        write_run(cls.run_dir)

    def compare(self, num_samples, reports=(None, None), **settings):
        opened = OpenedRun(Settings(self.run_dir, num_examples=num_samples, **settings))
        return opened, *frechet_run.frechet_of_run(opened, PooledColors(), num_samples, reports)

    def test_distance_is_that_of_the_features_of_scenes_and_images(self):
        counts = []
        report = lambda *numbers: counts.append(numbers)  # noqa: E731
        opened, result, path, picture = self.compare(20, (report, report), batch_size=8)
        self.assertEqual(counts, [(1, 2), (2, 2), (8, 20), (16, 20), (20, 20)])
        scenes = np.floor(255.0 * np.clip(scenes_of(20, batch_size=8)["reconstruction"], 0.0, 1.0))
        first, second = features(scenes), features(opened.examples.examples(16)["image"])
        shift = first.mean(axis=0) - second.mean(axis=0)
        product = np.cov(first.T) @ np.cov(second.T)
        root_trace = np.sqrt(np.maximum(np.linalg.eigvals(product).real, 0.0)).sum()
        expected = shift @ shift + np.trace(np.cov(first.T)) + np.trace(np.cov(second.T)) - 2.0 * root_trace
        self.assertAlmostEqual(result["frechet"] / expected, 1.0, places=4)
        self.assertEqual((result["num_samples"], result["num_images"], result["features"]), (20, 16, "mean colours"))
        self.assertEqual(path.name, "frechet_n20_weightsfile.json")
        self.assertEqual(json.loads(path.read_text()), result)
        self.assertTrue(picture.is_file())

    def test_text_names_features_and_what_they_compare_with(self):
        text = frechet_run.told(self.compare(6, num_slots=4, noise_seed=2)[1])
        self.assertRegex(text, r"(?s)^6 scenes of genesis_v2, step 3, K=4, seed 2; 6 images of "
                         r"colored_shapes/tiny \(test\).*features of mean colours.*same features only.*"
                         r"warning: of 12 features fewer scenes.*--split=train")

    def test_a_single_scene_is_refused_before_any_is_drawn(self):
        with self.assertRaisesRegex(UserError, "--num_samples=1.*at least 2"):
            self.compare(1)

    def test_models_without_a_prior_are_refused(self):
        model = keras.Model()
        with self.assertRaisesRegex(UserError, "no prior over scenes"):
            opened = OpenedRun(Settings(self.run_dir))
            opened.model = model
            frechet_run.frechet_of_run(opened, PooledColors(), 4)

    def test_levels_are_truncated_and_8_bits_stay_what_they_are(self):
        levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
        np.testing.assert_array_equal(frechet_run.eight_bits(levels), levels)
        np.testing.assert_array_equal(frechet_run.eight_bits(levels.astype(np.float32) / 255.0), levels)
        given = np.array([-0.1, 0.0, 0.9999, 1.0, 1.7, 100.9 / 255.0], np.float32)
        np.testing.assert_array_equal(frechet_run.eight_bits(given), [0, 0, 254, 255, 255, 100])

    def test_images_between_two_levels_are_rounded_and_scenes_truncated(self):
        opened = OpenedRun(Settings(self.run_dir, num_examples=4))
        levels = np.random.default_rng(0).uniform(0.0, 255.0, (4, 32, 32, 3)).astype(np.float32)
        batch = {"image": levels / 255.0, "valid": np.ones(4, bool)}
        mapper = lambda _, function, __: mock.Mock(run=lambda noise: [function(batch, noise)])  # noqa: E731
        drawn = [{"reconstruction": batch["image"], "masks": np.ones((4, 1, 32, 32), np.float32),
                  "components": batch["image"][:, None]}]
        with mock.patch.object(opened.engine, "mapper", mapper):
            of_images = frechet_run._statistics_of_images(opened, EveryPixel(), None)
        sampler = mock.Mock(batches=lambda count: drawn)
        of_scenes, _ = frechet_run._statistics_of_scenes(sampler, opened, EveryPixel(), 4, None)
        for statistics, stored in ((of_images, np.round(levels)), (of_scenes, np.floor(levels))):
            np.testing.assert_allclose(statistics.mean, stored.reshape(4, -1).mean(axis=0), rtol=1e-6)


class InceptionFeaturesTest(unittest.TestCase):
    def test_random_network_sees_enlarged_images_in_the_range_of_inception(self):
        extractor = InceptionFeatures("random")
        self.assertIn("random, which tells nothing", extractor.name)
        images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype(np.uint8)
        found = np.asarray(extractor(images))
        self.assertEqual(found.shape, (2, extractor.size))
        self.assertGreater(np.abs(found[0] - found[1]).max(), 0.0)
        positions = np.clip((np.arange(299) + 0.5) * 32 / 299 - 0.5, 0, 31)  # half-pixel centres
        low = np.minimum(positions.astype(int), 30)
        weight = positions - low
        large = images[..., 0] / 255.0
        large = large[:, low] * (1 - weight)[:, None] + large[:, low + 1] * weight[:, None]
        large = large[:, :, low] * (1 - weight) + large[:, :, low + 1] * weight
        seen = np.repeat(2.0 * large[..., None] - 1.0, 3, axis=-1).astype(np.float32)
        expected = np.asarray(extractor.model(seen, training=False))
        np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())

    def test_weights_that_cannot_be_had_are_one_line(self):
        with self.assertRaisesRegex(UserError, "--inception_weights=nowhere.h5 does not exist"):
            InceptionFeatures("nowhere.h5")
        with mock.patch.object(keras.applications, "InceptionV3", side_effect=Exception("URL fetch failure")):
            with self.assertRaisesRegex(UserError, "cannot be downloaded .URL fetch failure.*--inception_weights=PATH"):
                InceptionFeatures()
        with mock.patch.object(keras.applications, "InceptionV3", side_effect=ValueError("Layer count mismatch")):
            with self.assertRaisesRegex(UserError, f"{runs.__file__} holds no weights.*Layer count mismatch"):
                InceptionFeatures(runs.__file__)


if __name__ == "__main__":
    unittest.main()
