"""Every experiment file describes a run; the published ones have the published sizes."""

import dataclasses
import functools
import re
import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import registry

EXPERIMENTS = helpers.ROOT / "experiments"
# Ablations are those of tests.test_ablations.
FILES = sorted(path.relative_to(helpers.ROOT) for path in EXPERIMENTS.rglob("*.flags")
               if path.name != "_base.flags" and path.parent.name != "ablations")
IMAGE_SHAPES = {"tetrominoes": (35, 35, 3), "multi_dsprites": (64, 64, 3), "clevr_masks": (128, 128, 3),
                "clevr_properties": (128, 128, 3), "colored_shapes": (32, 32, 3), "objects_room": (64, 64, 3),
                "shapestacks": (64, 64, 3), "clevrtex": (128, 128, 3), "sketchy": (128, 128, 3), "apc": (128, 128, 3),
                "shapes": (28, 28, 1)}
# Parameters, slots, preprocessing and most objects of the published models (Slot Attention, Tables 4 to 7).
PUBLISHED = {
    "slot_attention_tetrominoes": (235_812, 4, 0),
    "slot_attention_multi_dsprites": (235_812, 6, 0),
    "slot_attention_multi_dsprites_binarized": (235_812, 4, 0),
    "slot_attention_clevr6": (890_308, 7, 6),
}


@functools.cache
def built(name, model_config, image_shape):
    """The model; AST-Seg with small networks instead of a hundred million weights, which tests.golden counts."""
    if name == "ast_seg":
        model_config = dataclasses.replace(model_config, backbone="tiny", background_model="tiny")
    return registry.build_model(name, model_config, image_shape)


class ExperimentsTest(unittest.TestCase):
    def test_files_are_there(self):
        names = {path.stem for path in FILES}
        self.assertLessEqual({*PUBLISHED, "quickstart"}, names)
        smoke = {path.stem for path in FILES if path.parent.name == "smoke"}
        self.assertEqual(smoke, set(registry.MODELS), "every model has a smoke run")

    def test_every_file_parses_and_its_model_fits_its_images(self):
        for path in FILES:
            with self.subTest(path=str(path)):
                experiment = read_experiment(f"--flagfile={path}")
                self.assertIn(experiment.model, registry.MODELS)
                shape = IMAGE_SHAPES[experiment.data.dataset]
                model = built(experiment.model, experiment.model_config, shape)
                self.assertEqual(model.num_slots, experiment.model_config.num_slots)
                if path.stem in PUBLISHED:
                    self.check_published(path.stem, experiment, model)

    def check_published(self, name, experiment, model):
        """Compares with the published model and optimisation."""
        count, num_slots, max_objects = PUBLISHED[name]
        self.assertEqual(helpers.count_parameters(model), count)
        self.assertEqual((experiment.model_config.num_slots, experiment.model_config.num_iterations), (num_slots, 3))
        self.assertEqual(experiment.data.max_objects, max_objects)
        train = experiment.train
        self.assertEqual((train.num_steps, train.batch_size, train.learning_rate, train.warmup_steps, train.decay,
                          train.decay_rate, train.decay_steps, train.adam_epsilon, train.clip_norm, train.optimizer),
                         (500_000, 64, 4e-4, 10_000, "exponential", 0.5, 100_000, 1e-8, 0.0, "adam"))

    def test_the_header_names_the_data(self):
        for path in FILES:
            experiment, header = read_experiment(f"--flagfile={path}"), _header(path)
            if path.stem in PUBLISHED or path.stem.endswith("_generated"):
                self.assertIn("# Data: ", header, path)
                first = re.search(r"--dataset_config=(\w+)", header)[1]
                self.assertEqual(first, experiment.data.dataset_config, path)

    def test_generated_files_differ_in_the_data_alone(self):
        names = [path for path in FILES if path.stem.endswith("_generated")]
        self.assertIn("slot_attention_clevr6_generated", [path.stem for path in names])
        for path in names:
            published = read_experiment(f"--flagfile={path.with_stem(path.stem.removesuffix('_generated'))}")
            experiment = read_experiment(f"--flagfile={path}")
            self.assertEqual((published.data.dataset_config, experiment.data.dataset_config), ("official", "generated"))
            self.assertEqual(dataclasses.replace(experiment, data=published.data), published)
            self.assertEqual(experiment.data.dataset, published.data.dataset)

    def test_every_file_says_what_it_reproduces(self):
        for path in FILES:
            lines, header = (helpers.ROOT / path).read_text().splitlines(), _header(path)
            self.assertTrue(lines[0].startswith("# "), path)
            if path.stem in PUBLISHED:
                self.assertIn("Locatello et al. 2020", lines[0])
                self.assertRegex(header, r"\d\d\.\d \+- \d\.\d %")
            self.assertTrue(any(line.startswith("--run_dir=runs/") for line in lines), path)


def _header(path):
    """The comment lines of a file, joined."""
    lines = (helpers.ROOT / path).read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("#"))
