"""What to do with a prepared data set: the experiment that fits, or a score."""

import os
import re
import unittest

from tests.helpers import ROOT
from tfobj.config import DataConfig
from tfobj.data import next_steps


class NextStepsTest(unittest.TestCase):

    def setUp(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def after(self, *splits, **choices):
        return next_steps.after_preparation(DataConfig(**choices), splits or ("train", "test"))

    def test_the_experiment_on_the_same_data_is_named(self):
        for choices, command in (
                ({"dataset": "colored_shapes"}, "experiments/quickstart.flags"),
                ({"dataset": "tetrominoes", "dataset_config": "tiny", "data_dir": "d"},
                 "experiments/.*tetrominoes.*.flags --dataset_config=tiny --data_dir=d"),
                ({"dataset": "clevr_masks", "dataset_variant": "clevr6"}, "experiments/.*clevr6_generated.flags"),
                ({"dataset": "clevr_masks", "dataset_config": "official"}, "experiments/.*clevr6.flags"),
                ({"dataset": "multi_dsprites", "dataset_variant": "binarized"}, "experiments/.*_binarized.flags")):
            with self.subTest(**choices):
                self.assertRegex(self.after(**choices), f"^train on it: python -m tfobj.train --flagfile={command}$")

    def test_where_there_is_no_experiment_the_flags_are_named(self):
        text = self.after(dataset="clevrtex", dataset_variant="vbg", dataset_config="tiny")
        self.assertRegex(text, "^train on it: python -m tfobj.train --flagfile=experiments/NAME.flags --dataset="
                         "clevrtex --dataset_variant=vbg --dataset_config=tiny, with an experiment for images of")

    def test_a_set_without_training_images_is_for_scores(self):
        text = self.after("test", dataset="objects_room", dataset_variant="six_objects")
        self.assertEqual(text, "score a model on it: python -m tfobj.evaluate --run_dir=RUN --dataset=objects_room "
                         "--dataset_variant=six_objects")
        self.assertFalse(re.search("train", text))


if __name__ == "__main__":
    unittest.main()
