"""The experiments of set prediction and of the baselines have the published sizes and settings."""

import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import registry
from tfobj.data import framing

_SET_TRAINING = (150_000, 512, 4e-4, 1_000, "exponential", 0.5, 50_000, 1e-8, 0.0, "adam")
_DISCOVERY_TRAINING = (500_000, 64, 4e-4, 10_000, "exponential", 0.5, 100_000, 1e-8, 0.0, "adam")
# Of the data: name, variant, configuration, image size, training examples; of the validation: images, steps between.
_PROPERTIES = ("clevr_properties", "", "official")
_CLEVR6 = ("clevr_masks", "clevr10", "official", "128", 0, 320, 5_000)
_READ = {
    "slot_attention_properties_clevr10": (*_PROPERTIES, "", 0, 512, 1_000),
    "slot_attention_properties_clevr6": (*_PROPERTIES, "", 0, 512, 1_000),
    "slot_mlp_properties_clevr10": (*_PROPERTIES, "", 0, 512, 1_000),
    "slot_mlp_clevr6": _CLEVR6,
    "slot_mlp_multi_dsprites": ("multi_dsprites", "colored_on_grayscale", "generated", "", 60_000, 320, 5_000),
    "slot_mlp_tetrominoes": ("tetrominoes", "", "generated", "", 60_000, 320, 5_000),
    "dspn_clevr10": (*_PROPERTIES, "128", 0, 512, 5_000),
}
_NATIVE = {"clevr_properties": (320, 480, 3), "clevr_masks": (240, 320, 3), "multi_dsprites": (64, 64, 3),
           "tetrominoes": (35, 35, 3)}
_FROM_MEMORY = {"slot_attention_properties_clevr10": ("94.3 +- 1.1 % at any distance (*)",), "slot_mlp_properties_clevr10":
                ("1.4 +- 0.3 % (*)",), "dspn_clevr10": ("59.2 +- 2.8 % (*)", "85.2 +- 4.8 (*)")}
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
                data = experiment.data
                self.assertEqual((data.dataset, data.dataset_variant, data.dataset_config, data.image_size,
                                  data.num_train_examples, train.validation_examples, train.validate_every),
                                 _READ[name])
                plan = framing.plan(data.preprocessing, _NATIVE[data.dataset], data.image_size)
                self.assertEqual(plan.image_shape, (side, side, 3))
                self.assertIn("% at any distance" if "clevr10" in name else "(Locatello et al. 2020",
                              (helpers.ROOT / "experiments" / f"{name}.flags").read_text())

    def test_numbers_that_nobody_checked_say_so(self):
        for name, numbers in _FROM_MEMORY.items():
            header = (helpers.ROOT / "experiments" / f"{name}.flags").read_text()
            for words in (*numbers, "(*) Quoted from memory, not checked against the paper."):
                self.assertIn(words, header)
        header = (helpers.ROOT / "experiments" / "dspn_clevr10.flags").read_text()
        self.assertIn("--num_examples=0 --checkpoint=latest", header)

    def test_models_of_sets_have_the_settings_of_the_paper(self):
        config = read_experiment("--flagfile=experiments/slot_attention_properties_clevr10.flags").model_config
        self.assertEqual((config.num_iterations, config.encoder_strides, config.iteration_loss,
                          config.coordinate_scale), (3, (1, 2, 2, 1), "last", 1.0))
        config = read_experiment("--flagfile=experiments/dspn_clevr10.flags").model_config
        self.assertEqual((config.num_iterations, config.inner_learning_rate, config.representation_weight,
                          config.encoder_blocks, config.iteration_loss), (10, 800 / 32, 0.1, (3, 4, 6, 3), "last"))
