"""IODINE's experiment files have the settings of the released code, and its models the sizes."""

import dataclasses
import math
import unittest

import keras

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import registry

# File -> image shape, K, T, Z, batch size, learning rate, gradient_batch, (min_objects, max_objects), weights.
PUBLISHED = {
    "iodine_clevr": ((128, 128, 3), 7, 5, 64, 32, 1e-3, 4, (3, 6), 1_177_168),
    "iodine_multi_dsprites": ((64, 64, 3), 6, 5, 16, 128, 3e-4, 16, (0, 0), 339_152),
    "iodine_tetrominoes": ((35, 35, 3), 4, 5, 32, 256, 3e-4, 32, (0, 0), 199_568),
}
# File -> the one it is a variant of, and the fields of the model and of the data in which it differs.
DERIVED = {
    "iodine_clevr10": ("iodine_clevr", {"num_slots"}, {"max_objects"}),
    "iodine_clevr_grayscale": ("iodine_clevr", set(), {"image_channels"}),
    "iodine_multi_dsprites_binarized": ("iodine_multi_dsprites", {"num_slots"}, {"dataset_variant"}),
    "iodine_shapes": ("iodine_multi_dsprites", {"num_slots"}, {"dataset", "dataset_variant", "image_size"}),
    "iodine_objects_room_sequences": ("iodine_multi_dsprites",
                                      {"num_slots", "num_iterations", "sequential", "gradient_batch"},
                                      {"dataset", "dataset_variant", "num_train_examples"}),
}


def experiment_of(name):
    """The experiment that a file describes."""
    return read_experiment(f"--flagfile=experiments/{name}.flags")


def differing(first, second):
    """Names of the fields in which two configurations differ."""
    return {field.name for field in dataclasses.fields(first)
            if getattr(first, field.name) != getattr(second, field.name)}


class IodineExperimentsTest(unittest.TestCase):
    def test_published_settings(self):
        for name, (shape, slots, iterations, latent, batch, rate, gradient_batch, objects, count) in PUBLISHED.items():
            with self.subTest(name=name):
                experiment = experiment_of(name)
                model, data, train = experiment.model_config, experiment.data, experiment.train
                self.assertEqual((model.num_slots, model.num_iterations, model.latent_size, model.gradient_batch),
                                 (slots, iterations, latent, gradient_batch))
                self.assertEqual((data.preprocessing, data.image_size), ("iodine", str(shape[0])))
                self.assertEqual((data.min_objects, data.max_objects), objects)
                self.assertEqual((train.batch_size, train.learning_rate), (batch, rate))
                self.assertEqual((train.num_steps, train.warmup_steps), (1_000_000, 0))
                self.assertEqual((train.decay, train.decay_rate, train.decay_steps), ("exponential", 0.1, 1_000_000))
                self.assertEqual((train.optimizer, train.adam_beta_1, train.adam_epsilon, train.clip_norm),
                                 ("adam", 0.95, 1e-8, 5.0))
                self.assertEqual((model.pixel_density, model.pixel_scale, model.latent_prior, model.iteration_weights),
                                 ("logistic", 0.0, "ln2", "linspace"))
                built = registry.build_model("iodine", model, shape)
                self.assertEqual(helpers.count_parameters(built), count)
                self.assertEqual(built.pixel_density.scale, 0.03)

    def test_the_defaults_are_those_of_clevr(self):
        config_class = registry.model_entry("iodine").config_class
        self.assertEqual(experiment_of("iodine_clevr").model_config, config_class())

    def test_variants_differ_where_they_say(self):
        for name, (base, in_model, in_data) in DERIVED.items():
            with self.subTest(name=name):
                experiment, original = experiment_of(name), experiment_of(base)
                self.assertEqual(differing(experiment.model_config, original.model_config), in_model)
                self.assertEqual(differing(experiment.data, original.data), in_data)
                if differing(experiment.train, original.train):  # the rule of the released code
                    self.assertEqual(differing(experiment.train, original.train), {"batch_size", "learning_rate"})
                    self.assertEqual(experiment.train.learning_rate, original.train.learning_rate * math.sqrt(
                        experiment.train.batch_size / original.train.batch_size))

    def test_sequences_have_a_frame_for_each_iteration(self):
        experiment = experiment_of("iodine_objects_room_sequences")
        model_class = registry.load(registry.model_entry("iodine").path)
        self.assertEqual(model_class.frames_of(experiment.model_config), 16)

    def test_one_channel(self):
        """Parts of the totals that know the number of channels: the output of the decoder, the refinement's input."""
        experiment = experiment_of("iodine_shapes")
        keras.utils.set_random_seed(0)
        model = registry.build_model("iodine", experiment.model_config, (28, 28, 1))
        self.assertEqual(helpers.count_parameters(model.decoder), 95_332 - 2 * (25 * 32 + 1))
        # Fewer channels by two each of image, means and their gradients, and two gains and offsets of the last.
        self.assertEqual(helpers.count_parameters(model), 339_152 - 2 * (25 * 32 + 1) - 6 * 25 * 32 - 4)


if __name__ == "__main__":
    unittest.main()
