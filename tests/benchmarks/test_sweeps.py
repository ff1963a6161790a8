"""Rows from the words of the command line."""

import unittest

from tests.parsed_flags import parsed
from tfobj.benchmarks import sweeps
from tfobj.errors import UserError


def points(*words, flags=()):
    """The rows of the quickstart with these sweeps."""
    with parsed("--flagfile=experiments/quickstart.flags", *flags):
        return sweeps.points(words)


class SweepsTest(unittest.TestCase):
    def test_the_experiment_comes_first(self):
        only, = points()
        self.assertEqual((only.label, only.changes, only.experiment.train.batch_size), ("experiment", {}, 16))

    def test_one_sweep_after_the_other_each_from_the_experiment(self):
        found = points("batch_size:4,8", "num_iterations: 1, 5", "image_size:64x32", "jit_compile:true",
                       "precision:mixed_bfloat16", "attention_scale:0.5")
        self.assertEqual([point.label for point in found], [
            "experiment", "batch_size=4", "batch_size=8", "num_iterations=1", "num_iterations=5", "image_size=64x32",
            "jit_compile=true", "precision=mixed_bfloat16", "attention_scale=0.5"])
        self.assertEqual([point.experiment.train.batch_size for point in found], [16, 4, 8, 16, 16, 16, 16, 16, 16])
        self.assertEqual([point.experiment.model_config.num_iterations for point in found[:5]], [3, 3, 3, 1, 5])
        self.assertEqual(found[5].experiment.data.image_size, "64x32")
        self.assertIs(found[6].changes["jit_compile"], True)

    def test_what_the_experiment_has_already_is_left_out(self):
        found = points("batch_size:16,4,4", "num_slots:4,7", flags=["--num_slots=7"])
        self.assertEqual([point.label for point in found], ["experiment", "batch_size=4", "num_slots=4"])
        self.assertEqual(found[1].experiment.model_config.num_slots, 7)

    def test_nothing_stays_changed(self):
        with parsed("--flagfile=experiments/quickstart.flags"):
            sweeps.points(["batch_size:4", "num_slots:9"])
            self.assertEqual(sweeps.points([])[0].experiment.train.batch_size, 16)

    def test_mistakes_are_told_before_anything_is_measured(self):
        for word, message in (("batch_size", "is no sweep; expected FLAG:VALUE,VALUE"),
                              ("batch_size:4,", "is no sweep"),
                              ("learning_rate:1e-3", "'learning_rate' cannot be swept; choose one of: batch_size"),
                              ("encoder_strides:1", "'encoder_strides' cannot be swept"),
                              ("batch_size:many", "--sweep=batch_size:many"),
                              ("precision:float64", "--sweep=precision:float64"),
                              ("num_slots:0", "--num_slots=0 is below the smallest possible value 1")):
            with self.assertRaisesRegex(UserError, message):
                points(word)
