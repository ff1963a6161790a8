"""A model trains for one step on every data set, at the resolution at which it was published."""

import contextlib
import io
import os
import shutil
import tempfile
import unittest

from tests.training import runs
from tfobj import registry
from tfobj.data import prepared
from tfobj.training import launch

SKETCHY_STEP = os.path.join(runs.ROOT, "tests", "data", "files", "sketchy_step.tfrecords")
SIZES = {"train": 4, "validation": 2, "test": 1}
# Data set, variant, recipe -> image shape that the model sees.
PUBLISHED = {
    ("tetrominoes", "", "slot_attention"): (35, 35, 3),
    ("multi_dsprites", "colored_on_colored", "genesis"): (64, 64, 3),
    ("shapes", "", "iodine"): (28, 28, 1),
    ("clevr_masks", "clevr10", "iodine"): (128, 128, 3),
    ("clevr_properties", "", "slot_attention_properties"): (128, 128, 3),
    ("objects_room", "train", "genesis"): (64, 64, 3),
    ("objects_room", "sequences", "none"): (64, 64, 3),
    ("shapestacks", "", "ast"): (64, 64, 3),
    ("clevrtex", "full", "clevrtex"): (128, 128, 3),
}


class EveryDataSetTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def train(self, dataset, variant, recipe, **changes):
        experiment = runs.experiment(
            {"num_slots": 4, "encoder_strides": (2, 2), "decoder_strides": (1, 1)}, dataset=dataset,
            dataset_variant=variant, preprocessing=recipe, num_steps=1, batch_size=2,
            sequence_frames=int(variant == "sequences"), data_dir=self.root, manual_dir=self.root, **changes)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            builder = prepared.prepare_dataset(experiment.data, split_sizes=SIZES)
            scores = launch.train(experiment, os.path.join(self.root, f"run_{dataset}_{variant}"))
        return builder, scores

    def test_one_step_on_what_is_drawn(self):
        for (dataset, variant, recipe), shape in PUBLISHED.items():
            with self.subTest(dataset=dataset, variant=variant):
                builder, scores = self.train(dataset, variant, recipe, validation_examples=2, eval_batch_size=2)
                self.assertEqual(scores["step"], 1)
                self.assertEqual(builder.layout.image_shape, shape)
                self.assertGreater(scores["loss"], 0.0)
                self.assertIn("ari_fg", scores)

    def test_one_step_on_real_photographs_without_masks(self):
        os.makedirs(os.path.join(self.root, "sketchy"))
        shutil.copy(SKETCHY_STEP, os.path.join(self.root, "sketchy"))
        builder, scores = self.train("sketchy", "", "genesis", dataset_config="official", validation_examples=0)
        self.assertEqual(scores["step"], 1)
        self.assertEqual((builder.layout.image_shape, builder.layout.has_masks), ((128, 128, 3), False))

    def test_every_data_set_with_a_training_split_is_covered(self):
        covered = {dataset for dataset, _, _ in PUBLISHED} | {"sketchy"}
        elsewhere = {"colored_shapes", "folder", "apc"}  # the quickstart's, test_folder's, test_builders_apc's
        self.assertEqual(covered | elsewhere, set(registry.DATASETS))


if __name__ == "__main__":
    unittest.main()
