"""Checkpoints: what is kept, what is refused, what damage does."""

import pathlib
import tempfile
import unittest

import tensorflow as tf

from tests import helpers
from tfobj import config
from tfobj import registry
from tfobj.errors import UserError
from tfobj.training import checkpoints
from tfobj.training import schedules


class CheckpointsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def parts(self, optimizer="adam", **changes):
        model = registry.build_model("slot_attention", helpers.slot_attention_config(**changes), (8, 8, 3))
        optimizer = schedules.make_optimizer(config.TrainConfig(optimizer=optimizer))
        optimizer.build(model.trainable_variables)
        return model, optimizer

    def open(self, keep=2, chief=True, **changes):
        return checkpoints.Checkpoints(self.root, *self.parts(**changes), keep, chief)

    def test_a_new_run_starts_at_step_zero(self):
        self.assertEqual(self.open().restore(), 0)
        self.assertIsNone(self.open().latest)

    def test_only_the_last_ones_are_kept(self):
        saved = self.open(keep=2)
        for step in (1, 2, 3):
            saved.save(step)
        names = {path.name for path in (self.root / "checkpoints").glob("*.index")}
        self.assertEqual(names, {"ckpt-2.index", "ckpt-3.index"})

    def test_after_the_newest_files_are_removed_the_one_before_serves(self):
        saved = self.open()
        for step in (1, 2):
            saved.save(step)
        for path in (self.root / "checkpoints").glob("ckpt-2.*"):
            path.unlink()
        again = self.open()
        self.assertTrue(again.latest.endswith("ckpt-1"))
        self.assertTrue(checkpoints.find(self.root, "latest").endswith("ckpt-1"))
        again.restore()
        again.save(3)
        self.assertTrue(self.open().latest.endswith("ckpt-3"))

    def test_best_is_replaced_by_better_ones_only_also_after_a_restart(self):
        saved = self.open()
        self.assertTrue(saved.save_best(1, 0.5, "ari_fg"))
        self.assertFalse(saved.save_best(2, 0.4, "ari_fg"))
        self.assertFalse(saved.save_best(2, float("nan"), "ari_fg"))
        again = self.open()
        self.assertEqual(again.best_score, 0.5)
        self.assertFalse(again.save_best(3, 0.5, "ari_fg"))
        self.assertTrue(again.save_best(4, 0.6, "ari_fg"))
        self.assertTrue(checkpoints.find(self.root, "best").endswith("ckpt-4"))

    def test_without_a_best_one_the_latest_serves(self):
        self.open().save(7)
        self.assertTrue(checkpoints.find(self.root, "best").endswith("checkpoints/ckpt-7"))

    def test_later_workers_leave_the_run_directory_alone(self):
        worker = self.open(chief=False)
        worker.save(1)
        worker.save_best(1, 0.5, "ari_fg")
        worker.close()
        self.assertEqual(list(self.root.iterdir()), [])

    def test_every_other_model_is_refused(self):
        self.open().save(1)
        path = checkpoints.find(self.root, "latest")
        for change in ({"slot_size": 10}, {"use_mlp": False}, {"norm_slots": False}, {"update": "replace"},
                       {"encoder_strides": (2, 1, 1)}, {"aggregation": "sum_layernorm"}):
            model, _ = self.parts(**change)
            with self.assertRaisesRegex(UserError, "belongs to another model: weight .* has shape"):
                checkpoints.restore_model(model, path)
            with self.assertRaisesRegex(UserError, "belongs to another model"):
                self.open(**change).restore()

    def test_another_optimizer_is_refused(self):
        self.open().save(1)
        with self.assertRaisesRegex(UserError, "another optimizer"):
            self.open(optimizer="sgd").restore()

    def test_damaged_files(self):
        self.open().save(1)
        path = pathlib.Path(checkpoints.find(self.root, "latest") + ".index")
        path.write_bytes(path.read_bytes()[:50])
        with self.assertRaisesRegex(UserError, "cannot be read"):
            checkpoints.restore_model(self.parts()[0], checkpoints.find(self.root, "latest"))
        data = next((self.root / "checkpoints").glob("*.data*"))
        self.open().save(2)
        data = next((self.root / "checkpoints").glob("ckpt-2.data*"))
        data.write_bytes(data.read_bytes()[:100])
        with self.assertRaisesRegex(UserError, "cannot be read"):
            self.open().restore()
        self.assertIsInstance(tf.train.latest_checkpoint(str(self.root / "checkpoints")), str)
