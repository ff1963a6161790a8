"""The published AST-Seg experiments have the published sizes and settings (sheet, Sections 0, 6.5 and 7)."""

import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj.training import phases
from tfobj.training.schedules import make_optimizer

# Data set, variant, K + 1, scaling, background model, steps of the background alone.
PUBLISHED = {
    "ast_seg_clevrtex": ("clevrtex", "full", 11, "anisotropic", "complex", 500_000),
    "ast_seg_clevr": ("clevr_masks", "clevr10", 11, "isotropic", "simple", 2_500),
    "ast_seg_shapestacks": ("shapestacks", "", 7, "isotropic", "complex", 500_000),
    "ast_seg_objects_room": ("objects_room", "train", 4, "anisotropic", "complex", 500_000),
}


class AstSegExperimentsTest(unittest.TestCase):
    def test_model_and_data(self):
        for name, expected in PUBLISHED.items():
            for file in (name, f"{name}_bt"):
                experiment = read_experiment(f"--flagfile=experiments/{file}.flags")
                model, data = experiment.model_config, experiment.data
                self.assertEqual((data.dataset, data.dataset_variant, model.num_slots, model.scaling,
                                  model.background_model), expected[:5], file)
                self.assertEqual((model.appearance_size, model.feature_generator, model.backbone, model.use_transformer,
                                  model.transformer_width, model.transformer_heads, model.transformer_hidden_size,
                                  model.transformer_layers, model.min_inverse_scale, model.max_inverse_scale,
                                  model.background_activation, model.pixel_entropy_weight, model.pixel_entropy_steps),
                                 (32, "segformer", "b3", True, 256, 8, 512, 6, 1.3, 24.0, 11.0, 0.01, 10_000), file)
                self.assertEqual((data.preprocessing, data.max_objects), ("ast", 0), file)

    def test_curriculum(self):
        for name, (*_, steps) in PUBLISHED.items():
            train = read_experiment(f"--flagfile=experiments/{name}.flags").train
            background, frozen, joint = phases.phases_of(train)
            self.assertEqual([(phase.name, phase.end) for phase in (background, frozen, joint)],
                             [("background", steps), ("frozen", steps + 30_000), ("joint", steps + 125_000)], name)
            self.assertEqual((background.config.batch_size, frozen.config.batch_size), (128, 64))
            for phase, update, rate in ((background, 0, 2e-3), (background, steps // 2, 2e-3),
                                        (background, steps - 1, 2e-4), (frozen, 2_499, 1e-5), (frozen, 4_999, 4e-5),
                                        (joint, 0, 4e-5), (joint, 82_498, 4e-5), (joint, 82_499, 4e-6)):
                optimizer = make_optimizer(phase.config, phase.first_step - phase.schedule_start)
                optimizer.iterations.assign(update)
                self.assertAlmostEqual(float(optimizer.learning_rate) / rate, 1.0, places=5, msg=(name, phase.name))
            optimizers = [make_optimizer(phase.config) for phase in (background, frozen, joint)]
            self.assertEqual([(one.beta_1, one.beta_2, one.epsilon, type(one).__name__) for one in optimizers],
                             [(0.9, 0.999, 1e-8, "Adam"), *[(0.9, 0.98, 1e-9, "Adam")] * 2])

    def test_without_curriculum_there_is_one_phase_of_all_steps(self):
        for name in PUBLISHED:
            (phase,) = phases.phases_of(read_experiment(f"--flagfile=experiments/{name}_bt.flags").train)
            self.assertEqual((phase.name, phase.end, phase.config.learning_rate, phase.config.warmup_steps,
                              phase.config.decay_steps), ("", 125_000, 4e-5, 5_000, 112_500))

    def test_headers_name_numbers_and_data(self):
        for name in PUBLISHED:
            for file in (name, f"{name}_bt"):
                text = (helpers.ROOT / "experiments" / f"{file}.flags").read_text()
                self.assertRegex(text, r"# Table [12]: .*mIoU \d\d\.\d\d \+- \d+\.\d\d")
                self.assertIn("# Data: the release, --dataset_config=official", text)


if __name__ == "__main__":
    unittest.main()
