"""The published experiments of GENESIS and MONet-G have the published settings (sheet of GENESIS-V2, Section 5)."""

import unittest

from tests import helpers
from tests.parsed_flags import read_experiment

# Model, data set, K, foreground ARI of Table 1.
PUBLISHED = {
    "genesis_objects_room": ("genesis", "objects_room", 7, "0.63 +- 0.03"),
    "genesis_shapestacks": ("genesis", "shapestacks", 9, "0.70 +- 0.05"),
    "monet_g_objects_room": ("monet_g", "objects_room", 7, "0.54 +- 0.00"),
    "monet_g_shapestacks": ("monet_g", "shapestacks", 9, "0.70 +- 0.04"),
}


class GenesisBaselinesExperimentsTest(unittest.TestCase):
    def test_model_and_optimisation(self):
        for name, expected in PUBLISHED.items():
            experiment = read_experiment(f"--flagfile=experiments/{name}.flags")
            model, train = experiment.model_config, experiment.train
            self.assertEqual((experiment.model, experiment.data.dataset, model.num_slots), expected[:3], name)
            self.assertEqual((model.geco_goal, model.beta_schedule, model.geco_rate, model.geco_decay,
                              model.geco_speedup, model.pixel_std, model.first_pixel_std, model.latent_size),
                             (0.5655, "geco", 1e-5, 0.99, 10.0, 0.7, 0.7, 16), name)
            self.assertEqual((train.num_steps, train.batch_size, train.learning_rate, train.warmup_steps, train.decay,
                              train.adam_epsilon, train.clip_norm, train.optimizer),
                             (500_000, 32, 1e-4, 0, "none", 1e-8, 0.0, "adam"), name)
            self.assertEqual(experiment.data.preprocessing, "genesis", name)
            self.assertEqual(experiment.data.dataset_config, "official", name)

    def test_original_settings_of_monet(self):
        experiment = read_experiment("--flagfile=experiments/monet_objects_room.flags")
        model, train = experiment.model_config, experiment.train
        self.assertEqual((experiment.model, experiment.data.dataset, model.num_slots, model.beta_schedule, model.beta,
                          model.mask_kl_factor, model.first_pixel_std, model.pixel_std),
                         ("monet_g", "objects_room", 7, "constant", 0.5, 1.0, 0.09, 0.11))
        self.assertEqual((train.optimizer, train.learning_rate, train.rmsprop_rho, train.rmsprop_epsilon,
                          train.batch_size, train.num_steps, train.warmup_steps, train.decay, train.clip_norm),
                         ("rmsprop", 1e-4, 0.99, 1e-8, 64, 1_000_000, 0, "none", 0.0))

    def test_networks(self):
        model = read_experiment("--flagfile=experiments/genesis_shapestacks.flags").model_config
        self.assertEqual((model.mask_latent_size, model.encoder_filters, model.decoder_filters, model.hidden_size,
                          model.autoregressive_prior, model.component_prior, model.two_stage, model.encoder_norm,
                          model.decoder_norm, model.symmetric_components, model.reference_sampling),
                         (64, (32, 32, 64, 64, 64), (64, 64, 32, 32, 32, 32), 256, True, True, True, "bn", "bn", False,
                          False))
        model = read_experiment("--flagfile=experiments/monet_g_shapestacks.flags").model_config
        self.assertEqual((model.attention_channels, model.component_channels, model.decoder_masks, model.montecarlo_kl,
                          model.mask_kl_factor), (32, 32, "softmax", True, 1.0))

    def test_headers_name_paper_scores_and_data(self):
        for name, (*_, score) in PUBLISHED.items():
            lines = (helpers.ROOT / "experiments" / f"{name}.flags").read_text().splitlines()
            header = " ".join(line for line in lines if line.startswith("#"))
            self.assertIn("Engelcke et al. 2021", lines[0], name)
            self.assertIn(f"Table 1: foreground ARI {score}", header, name)
            self.assertIn("--dataset_config=official", header.split("# Data: ")[1], name)


if __name__ == "__main__":
    unittest.main()
