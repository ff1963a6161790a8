"""Checkpoints that are damaged, cut off or another model's are refused, and nothing is restored from them."""

import pathlib
import random

import numpy as np

from tests.training.checkpoint_case import CheckpointsTestCase, randomize, shared_parts, values_of
from tfobj.errors import UserError
from tfobj.training import checkpoints


class RefusedFilesTest(CheckpointsTestCase):
    def setUp(self):
        super().setUp()
        self.model, self.optimizer = shared_parts()
        self.saved = checkpoints.Checkpoints(self.root, self.model, self.optimizer, 2)
        self.path = pathlib.Path(self.saved.save(1))
        randomize(self.model, self.optimizer)
        self.before = values_of(self.model, self.optimizer)

    def assertUntouched(self):
        for actual, expected in zip(values_of(self.model, self.optimizer), self.before, strict=True):
            np.testing.assert_array_equal(actual, expected)

    def rewrite(self, **changes):
        """Writes the checkpoint again with other arrays; None removes one."""
        with np.load(self.path) as file:
            arrays = {**file, **{name.replace("__", "/"): value for name, value in changes.items()}}
        np.savez(self.path, **{name: value for name, value in arrays.items() if value is not None})

    def test_every_other_model_is_refused(self):
        for change in ({"slot_size": 10}, {"use_mlp": False}, {"norm_slots": False}, {"update": "replace"},
                       {"encoder_strides": (2, 1, 1)}, {"aggregation": "sum_layernorm"}):
            model, _ = shared_parts(**change)
            with self.assertRaisesRegex(UserError, "belongs to another model: weight .* has shape"):
                checkpoints.restore_model(model, str(self.path))
            with self.assertRaisesRegex(UserError, "belongs to another model"):
                self.open(**change).restore()

    def test_the_first_difference_is_named(self):
        model, _ = shared_parts(encoder_channels=5)
        with self.assertRaisesRegex(UserError, r"weight encoder/conv0/bias has shape \(6,\) in the checkpoint and "
                                               r"\(5,\) in the model; use"):
            checkpoints.restore_model(model, str(self.path))

    def test_another_optimizer_is_refused_before_the_model_is_touched(self):
        optimizer = shared_parts(optimizer="sgd")[1]
        with self.assertRaisesRegex(UserError, r"another optimizer: .* has shape \(6,\) in the checkpoint and none"):
            checkpoints.Checkpoints(self.root, self.model, optimizer, 2).restore()
        self.assertUntouched()

    def test_missing_entries(self):
        for name, message in (("step", "cannot be read"), ("format", "cannot be read"),
                              ("model__slot_attention__q__kernel", "weight slot_attention/q/kernel has shape none"),
                              ("optimizer__iteration", "another optimizer: iteration has shape none")):
            self.saved.save(1)
            randomize(self.model, self.optimizer)
            self.rewrite(**{name: None})
            with self.assertRaisesRegex(UserError, message):
                self.saved.restore()
            self.assertUntouched()

    def test_a_file_of_another_version_is_refused(self):
        self.rewrite(format=np.int64(2))
        with self.assertRaisesRegex(UserError, r"another version of tfobj \(format 2, expected 1\)"):
            self.saved.restore()
        self.assertUntouched()

    def test_files_that_are_no_checkpoints(self):
        for content in (b"", b"model weights", b"PK\5\6" + bytes(18)):
            self.path.write_bytes(content)
            with self.assertRaisesRegex(UserError, r"ckpt-1.npz cannot be read \(.+\); remove it to fall back"):
                self.saved.restore()
        self.path.unlink()
        with self.assertRaisesRegex(UserError, "No such file or directory"):
            checkpoints.restore_model(self.model, str(self.path))

    def test_a_file_that_is_cut_off_is_refused(self):
        whole = self.path.read_bytes()
        for length in (50, 1000, len(whole) // 2, len(whole) - 23, len(whole) - 1):
            self.path.write_bytes(whole[:length])
            for restore in (self.saved.restore, lambda: checkpoints.restore_model(self.model, str(self.path))):
                with self.assertRaisesRegex(UserError, "cannot be read"):
                    restore()
        self.assertUntouched()

    def test_an_altered_byte_is_found_or_changes_nothing(self):
        whole, generator, refused = self.path.read_bytes(), random.Random(0), 0
        last_entry = whole.rindex(b"PK\1\2")  # of the directory at the end
        places = [*generator.sample(range(len(whole)), 20), *range(last_entry, len(whole), 4)]
        for place in places:
            altered = bytearray(whole)
            altered[place] ^= 1 << generator.randrange(8)
            self.path.write_bytes(altered)
            try:
                self.assertEqual(self.saved.restore(), 1)
            except UserError:
                refused += 1
                self.assertUntouched()
            else:
                self.saved.save(1)
                self.assertEqual(self.path.read_bytes(), whole, place)
                randomize(self.model, self.optimizer)
        self.assertGreater(refused, 30)
