"""`python -m tfobj.export` on a run directory made by hand: what it prints, and its one-line errors."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import keras
import numpy as np

from tests.serving import exported
from tfobj import config
from tfobj.serving import cpp_loader
from tfobj.serving import model_card
from tfobj.training import checkpoints
from tfobj.training import run_directory


def _export(*arguments):
    """Runs the command; returns (exit status, standard output, standard error)."""
    done = subprocess.run([sys.executable, "-m", "tfobj.export", *arguments], capture_output=True, text=True,
                          check=False, cwd=exported.ROOT, timeout=300)
    return done.returncode, done.stdout, done.stderr


def _prepare(directory):
    """A run directory of the tiny model without a checkpoint."""
    experiment = config.ExperimentConfig("slot_attention", exported.tiny_config(),
                                         config.DataConfig(dataset="colored_shapes"), config.TrainConfig())
    run_directory.write_run(directory, experiment, exported.IMAGE_SHAPE, {"examples": 64})
    return pathlib.Path(directory)


class ExportCommandTest(unittest.TestCase):

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)
        self.run_dir = str(self.directory / "run")
        self.export_dir = str(self.directory / "exports" / "slot_attention")

    def test_run_is_exported_and_verified(self):
        run, model = _prepare(self.run_dir), exported.tiny_export()[0]
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        optimizer.iterations.assign(12)
        checkpoints.Checkpoints(run, model, optimizer, keep=1).save(12)
        scores = {"step": 12, "ari_fg": 0.5, "dataset": "colored_shapes"}
        run_directory.write_json(run / "evaluation.json", scores)
        status, printed, errors = _export(f"--run_dir={self.run_dir}", f"--export_dir={self.export_dir}")
        self.assertEqual(status, 0, errors)
        last_line = printed.strip().splitlines()[-1]
        self.assertRegex(last_line, rf"^exported: {self.export_dir}/1 largest_difference=\d\.\de-0\d$")
        for name in ("serving_default(images uint8[B,16,12,3])", "step 12 of", "14 warm-up requests ran"):
            self.assertIn(name, printed)
        card = json.loads(pathlib.Path(self.export_dir, "1", "assets.extra", "model_card.json").read_text())
        self.assertEqual([card["run"][name] for name in ("step", "evaluation", "data_fingerprint")],
                         [12, scores, {"examples": 64}])
        images = exported.images(2)
        answer, = cpp_loader.run_in_subprocess(f"{self.export_dir}/1", [("serving_default", {"images": images})])
        wanted = exported.loaded().signatures["serving_default"](images=images)
        np.testing.assert_allclose(answer["masks"], wanted["masks"].numpy(), atol=1e-6)

    def test_the_card_has_the_most_complete_scores_of_these_weights(self):
        run = _prepare(self.run_dir)
        opened = run_directory.Run(run, run_directory.read_run(run).config, exported.IMAGE_SHAPE, {}, step=12)
        run_directory.write_json(run / "evaluation_validation_latest_n0.json", {"step": 12, "images": 15_001})
        self.assertIsNone(model_card.describe_run(opened, "best")["evaluation"])
        self.assertEqual(model_card.describe_run(opened, "latest")["evaluation"]["images"], 15_001)
        contents = {"": {"step": 12, "images": 320}, "_n0": {"step": 8, "images": 15_000},
                    "_latest_n0": {"step": 12, "images": 10_000}}
        for name, content in contents.items():
            run_directory.write_json(run / f"evaluation{name}.json", content)
        self.assertEqual(model_card.describe_run(opened, "best")["evaluation"]["images"], 320)
        self.assertEqual(model_card.describe_run(opened, "latest")["evaluation"]["images"], 10_000)
        run_directory.write_json(run / "evaluation_n0.json", {"step": 12, "images": 15_000})
        self.assertEqual(model_card.describe_run(opened, "best")["evaluation"]["images"], 15_000)

    def test_mistakes_get_one_line(self):
        pathlib.Path(self.directory / "file").write_text("in the way")
        run = f"--run_dir={self.run_dir}"
        _prepare(self.run_dir)
        for arguments, message in (
                ([f"--export_dir={self.export_dir}"], "--run_dir is required"),
                ([run], "--export_dir is required"),
                ([f"--run_dir={self.directory}/none", f"--export_dir={self.export_dir}"], "holds no run"),
                ([run, f"--export_dir={self.directory}/file"], "file is a file; give a directory"),
                ([run, f"--export_dir={self.export_dir}", "--num_slots=0"], "--num_slots=0: expected at least 1"),
                ([run, f"--export_dir={self.export_dir}", "--threshold=7"], "--threshold=7.0: masks lie in [0, 1]"),
                ([run, f"--export_dir={self.export_dir}", "--checkpoint=third"], "--checkpoint"),
                ([run, f"--export_dir={self.export_dir}"], "holds no checkpoint yet")):
            status, printed, errors = _export(*arguments)
            self.assertEqual((status, printed), (2, ""), arguments)
            self.assertRegex(errors.strip().splitlines()[-1], "^error: ")
            self.assertIn(message, errors.strip().splitlines()[-1])
            self.assertNotIn("Traceback", errors)
        self.assertFalse(os.path.exists(self.export_dir))


if __name__ == "__main__":
    unittest.main()
