"""The published GENESIS-V2 experiments have the published sizes and settings (sheet, Sections 3.7, 4 and 5)."""

import unittest

from tests import helpers
from tests.parsed_flags import read_experiment

# Data set, K, goal of GECO, mask loss and pixels below which there is no further slot.
PUBLISHED = {
    "genesis_v2_objects_room": ("objects_room", 7, 0.5655, False, 70.0),
    "genesis_v2_shapestacks": ("shapestacks", 9, 0.5655, False, 20.0),
    "genesis_v2_shapestacks_mask_loss": ("shapestacks", 9, 0.5655, True, 20.0),
    "genesis_v2_multi_dsprites": ("multi_dsprites", 5, 0.5655, False, 20.0),
    "genesis_v2_sketchy": ("sketchy", 10, 0.5645, False, 20.0),
    "genesis_v2_apc": ("apc", 10, 0.5655, False, 20.0),
}


class GenesisV2ExperimentsTest(unittest.TestCase):
    def test_model_and_optimisation(self):
        for name, expected in PUBLISHED.items():
            experiment = read_experiment(f"--flagfile=experiments/{name}.flags")
            model, train = experiment.model_config, experiment.train
            self.assertEqual((experiment.data.dataset, model.num_slots, model.geco_goal, model.mask_loss,
                              model.min_slot_mass), expected, name)
            self.assertEqual((model.feature_size, model.embedding_size, model.similarity_kernel, model.pixel_std,
                              model.beta_schedule, model.geco_rate, model.geco_decay, model.geco_speedup,
                              model.autoregressive_prior, model.detach_decoder_masks, model.dynamic_slots),
                             (64, 8, "gaussian", 0.7, "geco", 1e-5, 0.99, 10.0, True, True, False), name)
            self.assertEqual((train.num_steps, train.batch_size, train.learning_rate, train.warmup_steps, train.decay,
                              train.adam_epsilon, train.clip_norm, train.optimizer),
                             (500_000, 32, 1e-4, 0, "none", 1e-8, 0.0, "adam"), name)
            self.assertEqual(experiment.data.preprocessing, "genesis", name)

    def test_headers_name_paper_and_data(self):
        for name in PUBLISHED:
            lines = (helpers.ROOT / "experiments" / f"{name}.flags").read_text().splitlines()
            self.assertIn("Engelcke et al. 2021", lines[0], name)
            data = read_experiment(f"--flagfile=experiments/{name}.flags").data.dataset_config
            header = " ".join(line for line in lines if line.startswith("#"))
            self.assertIn(f"--dataset_config={data}", header.split("# Data: ")[1], name)
            self.assertEqual("FID" in header, "tfobj.sample --fid --checkpoint=latest" in header, name)

    def test_every_published_file_of_drawable_scenes_has_a_generated_one(self):
        for name, (dataset, *_) in PUBLISHED.items():
            if dataset in ("objects_room", "shapestacks"):
                experiment = read_experiment(f"--flagfile=experiments/{name}_generated.flags")
                self.assertEqual(experiment.data.dataset_config, "generated", name)
                self.assertEqual(experiment.model_config,
                                 read_experiment(f"--flagfile=experiments/{name}.flags").model_config, name)


if __name__ == "__main__":
    unittest.main()
