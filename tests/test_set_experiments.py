"""The experiments of set prediction and of the baselines have the published sizes and settings."""

import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import registry

_SET_TRAINING = (150_000, 512, 4e-4, 1_000, "exponential", 0.5, 50_000, 1e-8, 0.0, "adam")
_DISCOVERY_TRAINING = (500_000, 64, 4e-4, 10_000, "exponential", 0.5, 100_000, 1e-8, 0.0, "adam")
# Image side, parameters, slots, most objects, recipe and training.
PUBLISHED = {
    "slot_attention_properties_clevr10": (128, 380_755, 10, 0, "slot_attention_properties", _SET_TRAINING),
    "slot_attention_properties_clevr6": (128, 380_755, 6, 6, "slot_attention_properties", _SET_TRAINING),
    "slot_mlp_properties_clevr10": (128, 9_306_515, 10, 0, "slot_attention_properties", _SET_TRAINING),
    "slot_mlp_clevr6": (128, 11_267_524, 7, 6, "slot_attention", _DISCOVERY_TRAINING),
    "slot_mlp_multi_dsprites": (64, 81_664 + 6_171_648 + 103_972, 6, 0, "slot_attention", _DISCOVERY_TRAINING),
    "slot_mlp_tetrominoes": (35, 81_664 + 6_040_448 + 103_972, 4, 0, "slot_attention", _DISCOVERY_TRAINING),
    "dspn_clevr10": (128, 24_988_158, 10, 0, "none",
                     (218_700, 32, 3e-4, 0, "none", 0.5, 100_000, 1e-8, 0.0, "adam")),
}


class SetExperimentsTest(unittest.TestCase):
    def test_published_sizes_and_settings(self):
        for name, (side, count, num_slots, max_objects, recipe, training) in PUBLISHED.items():
            with self.subTest(name=name):
                experiment = read_experiment(f"--flagfile=experiments/{name}.flags")
                model = registry.build_model(experiment.model, experiment.model_config, (side, side, 3))
                self.assertEqual(helpers.count_parameters(model), count)
                self.assertEqual((model.num_slots, experiment.data.max_objects, experiment.data.preprocessing),
                                 (num_slots, max_objects, recipe))
                train = experiment.train
                self.assertEqual(
                    (train.num_steps, train.batch_size, train.learning_rate, train.warmup_steps, train.decay,
                     train.decay_rate, train.decay_steps, train.adam_epsilon, train.clip_norm, train.optimizer),
                    training)
                self.assertIn("% at any distance" if "clevr10" in name else "(Locatello et al. 2020",
                              (helpers.ROOT / "experiments" / f"{name}.flags").read_text())

    def test_models_of_sets_have_the_settings_of_the_paper(self):
        config = read_experiment("--flagfile=experiments/slot_attention_properties_clevr10.flags").model_config
        self.assertEqual((config.num_iterations, config.encoder_strides, config.iteration_loss,
                          config.coordinate_scale), (3, (1, 2, 2, 1), "last", 1.0))
        config = read_experiment("--flagfile=experiments/dspn_clevr10.flags").model_config
        self.assertEqual((config.num_iterations, config.inner_learning_rate, config.representation_weight,
                          config.encoder_blocks, config.iteration_loss), (10, 800 / 32, 0.1, (3, 4, 6, 3), "last"))
