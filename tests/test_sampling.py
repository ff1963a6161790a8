"""From the prior of a trained model to files, in process and through the command line."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import keras
import numpy as np
from PIL import Image

from tests import helpers
from tests.training import runs
from tfobj import config
from tfobj import file_writing
from tfobj import genesis_config
from tfobj import registry
from tfobj import sampling
from tfobj.data import source as sources
from tfobj.errors import UserError
from tfobj.training import run_directory
from tfobj.training.checkpoints import Checkpoints
from tfobj.training.engine import single_device_engine

SHAPE = (32, 32, 3)
TINY = genesis_config.GenesisV2Config(num_slots=3, feature_size=8)


@functools.cache
def tiny_model():
    """An untrained GENESIS-V2 whose weights, and with them its scenes, are far from their initial values."""
    keras.utils.set_random_seed(0)
    return helpers.perturb(registry.build_model("genesis_v2", TINY, SHAPE), scale=0.3)


def write_run(directory):
    """Writes the run directory of the tiny model, trained on the tiny data set of the tests."""
    data = config.DataConfig(dataset="colored_shapes", dataset_config="tiny", data_dir=runs.data_dir())
    experiment = config.ExperimentConfig("genesis_v2", TINY, data, config.TrainConfig())
    run_directory.write_run(directory, experiment, SHAPE, sources.open_source(data).fingerprint())
    optimizer = keras.optimizers.Adam()
    optimizer.build(tiny_model().trainable_variables)
    Checkpoints(directory, tiny_model(), optimizer, keep=1).save(3)


def sampler_of(**options):
    return sampling.SceneSampler(tiny_model(), single_device_engine(), **options)


def scenes_of(count, **options):
    """Dict of arrays [count, ...]."""
    batches = list(sampler_of(**options).batches(count))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


class SceneSamplerTest(unittest.TestCase):
    def test_scenes_depend_on_seed_and_number_only(self):
        together, parts = scenes_of(5, batch_size=5), scenes_of(5, batch_size=2)
        self.assertEqual(together["reconstruction"].shape, (5, *SHAPE))
        np.testing.assert_allclose(parts["reconstruction"], together["reconstruction"], atol=1e-5)
        np.testing.assert_array_equal(scenes_of(5, batch_size=2)["reconstruction"], parts["reconstruction"])
        np.testing.assert_allclose(scenes_of(2, batch_size=5)["masks"], together["masks"][:2], atol=1e-5)
        other = scenes_of(5, batch_size=5, seed=1)["reconstruction"]
        self.assertGreater(np.abs(other - together["reconstruction"]).max(axis=(1, 2, 3)).min(), 0.01)

    def test_number_of_slots_can_be_chosen(self):
        sampler = sampler_of(num_slots=5)
        self.assertEqual(sampler.num_slots, 5)
        self.assertEqual(next(sampler.batches(1))["masks"].shape, (1, 5, *SHAPE[:2]))
        with self.assertRaisesRegex(UserError, "--num_slots=255.*up to 254"):
            sampler_of(num_slots=255)

    def test_models_without_a_prior_are_told_who_has_one(self):
        slot_attention = registry.load(registry.model_entry("slot_attention").path)
        with self.assertRaisesRegex(UserError, "^it has no prior over scenes.*one: .*genesis_v2, iodine.*, vae$"):
            sampling.check_draws_scenes("it", slot_attention)

    def test_diverged_model_is_refused(self):
        keras.utils.set_random_seed(0)
        model = registry.build_model("genesis_v2", TINY, SHAPE)
        model.decoder.out.bias.assign(np.full(4, np.nan, np.float32))
        with self.assertRaisesRegex(UserError, "not finite"):
            next(sampling.SceneSampler(model, single_device_engine()).batches(1))


class WriteScenesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = folder.name
        self.said = []

    def write(self, count, **options):
        return sampling.write_scenes(sampler_of(**options), self.out, count, {"step": 3}, tell=self.said.append)

    def height(self, name):
        with Image.open(os.path.join(self.out, name)) as picture:
            return picture.height

    def test_files_hold_the_scenes(self):
        counts = []
        file_writing.prepare_out(self.out)
        index = sampling.write_scenes(sampler_of(batch_size=4), self.out, 18, {"step": 3},
                                      report=lambda *numbers: counts.append(numbers))
        self.assertEqual(counts, [(4, 18), (8, 18), (12, 18), (16, 18), (18, 18)])
        with open(os.path.join(self.out, "samples.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), index)
        self.assertEqual((index["step"], index["overview"], index["pictures"], len(index["images"])),
                         (3, "samples_00000.png", ["samples_00000.png", "samples_00016.png"], 18))
        scenes = scenes_of(18, batch_size=4)
        for number in (0, 17):
            entry = index["images"][number]
            picture = np.asarray(Image.open(os.path.join(self.out, entry["picture"])))
            wanted = np.clip(scenes["reconstruction"][number], 0.0, 1.0) * 255.0
            np.testing.assert_allclose(picture, wanted, atol=0.51)
            ids = np.asarray(Image.open(os.path.join(self.out, entry["segmentation"])))
            np.testing.assert_array_equal(ids, scenes["segmentation"][number] + 1)
        heights = [self.height(name) for name in index["pictures"]]
        self.assertGreater(heights[0], 7 * heights[1])  # sixteen lines, two lines

    def test_earlier_scenes_are_replaced_and_other_files_stay(self):
        self.write(5)
        pathlib.Path(self.out, "mine.txt").write_text("mine")
        self.write(2)
        self.assertIn("held 5 scenes of an earlier call", self.said[0])
        self.assertEqual(sorted(os.listdir(self.out)), sorted(
            ["mine.txt", "samples.json", "samples_00000.png", "scene_00000.png", "scene_00000_segmentation.png",
             "scene_00001.png", "scene_00001_segmentation.png"]))

    def test_file_that_cannot_be_written_is_one_line(self):
        os.mkdir(os.path.join(self.out, "scene_00001.png"))
        with self.assertRaisesRegex(UserError, f"--out={self.out}: .*scene_00001.png.*cannot be written"):
            self.write(2)


class SampleCommandTest(unittest.TestCase):
    """Processes of their own: `--help` and refusals take no backend, the scenes are drawn by JAX."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        write_run(cls.folder / "run")

    def run_command(self, *words, backend="tensorflow"):
        return subprocess.run([sys.executable, "-m", "tfobj.sample", *words], cwd=runs.ROOT, text=True,
                              capture_output=True, env={**os.environ, "KERAS_BACKEND": backend})

    def test_jax_draws_the_scenes_of_tensorflow(self):
        out = self.folder / "scenes"
        result = self.run_command(f"--run_dir={self.folder / 'run'}", f"--out={out}", "--num_samples=3", "--seed=4",
                                  "--batch_size=2", backend="jax")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, "drawing 3/3 scenes .*ETA 0:00 *\n"
                         "drawn: scenes=3 slots=3 overview=.*/samples_00000.png index=.*/samples.json\n$")
        for number, scene in enumerate(scenes_of(3, seed=4)["reconstruction"]):
            picture = np.asarray(Image.open(out / f"scene_{number:05d}.png"))
            np.testing.assert_allclose(picture, np.clip(scene, 0.0, 1.0) * 255.0, atol=0.6)

    def test_flags_that_cannot_work_are_one_line(self):
        for words, message in ((["--out=x"], "--run_dir=nowhere holds no run"), ([], "--out is required"),
                               (["--out=x", "--fid"], "--out=x with --fid")):
            result = self.run_command("--run_dir=nowhere", *words)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (2, 1))
            self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
