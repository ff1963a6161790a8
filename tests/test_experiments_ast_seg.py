"""The published AST-Seg experiments have the published sizes and settings (sheet, Sections 0, 6.5 and 7)."""

import pathlib
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


MODEL = {"appearance_size": 32, "feature_generator": "segformer", "backbone": "b3", "use_transformer": True,
         "transformer_width": 256, "transformer_heads": 8, "transformer_hidden_size": 512, "transformer_layers": 6,
         "dropout_rate": 0.1, "drop_path_rate": 0.1, "glimpse_widths": (), "min_inverse_scale": 1.3,
         "max_inverse_scale": 24.0, "background_activation": 11.0, "background_per_pixel": False,
         "quantize_background": False, "activation_index": "paper", "pixel_entropy_weight": 0.01,
         "pixel_entropy_steps": 10_000}
TRAIN = {"optimizer": "adam", "adam_beta_1": 0.9, "adam_beta_2": 0.98, "adam_epsilon": 1e-9, "learning_rate": 4e-5,
         "warmup": "quadratic", "warmup_steps": 5_000, "decay": "step", "decay_rate": 0.1, "decay_steps": 112_500,
         "batch_size": 64, "clip_norm": 0.0, "precision": "float32"}
# Learning rates by updates made of the 125,000.
RATES = {0: 1.6e-12, 2_499: 1e-5, 4_999: 4e-5, 112_498: 4e-5, 112_499: 4e-6, 124_999: 4e-6}


def settings(config, names):
    """The values that a configuration has for some names."""
    return {name: getattr(config, name) for name in names}


class AstSegExperimentsTest(unittest.TestCase):
    def check_rates(self, phase, rates):
        optimizer = make_optimizer(phase.config, phase.optimizer_start - phase.schedule_start)
        for update, rate in rates.items():
            optimizer.iterations.assign(update)
            self.assertAlmostEqual(float(optimizer.learning_rate) / rate, 1.0, places=5, msg=(phase.name, update))

    def test_model_and_data(self):
        for name, expected in PUBLISHED.items():
            for file in (name, f"{name}_bt", f"{name}_generated"):
                experiment = read_experiment(f"--flagfile=experiments/{file}.flags")
                model, data = experiment.model_config, experiment.data
                self.assertEqual((data.dataset, data.dataset_variant, model.num_slots, model.scaling,
                                  model.background_model), expected[:5], file)
                self.assertEqual(settings(model, MODEL), MODEL, file)
                self.assertEqual((data.preprocessing, data.max_objects), ("ast", 0), file)
                self.assertEqual(data.dataset_config, "generated" if "generated" in file else "official")

    def test_curriculum(self):
        for name, (*_, steps) in PUBLISHED.items():
            for file in (name, f"{name}_generated"):
                train = read_experiment(f"--flagfile=experiments/{file}.flags").train
                background, frozen, joint = phases.phases_of(train)
                self.assertEqual([(phase.name, phase.end) for phase in (background, frozen, joint)],
                                 [("background", steps), ("frozen", steps + 30_000), ("joint", steps + 125_000)], file)
                for phase in (frozen, joint):
                    self.assertEqual(settings(phase.config, TRAIN), TRAIN, (file, phase.name))
                changes = {"learning_rate": 2e-3, "batch_size": 128, "warmup_steps": 0, "decay_steps": steps * 4 // 5,
                           "adam_beta_2": 0.999, "adam_epsilon": 1e-8}
                self.assertEqual(settings(background.config, TRAIN), {**TRAIN, **changes}, file)
                self.assertEqual([phase.optimizer_start for phase in (background, frozen, joint)],
                                 [0, steps, steps + 30_000], "a new Adam in each")
                self.check_rates(background, {0: 2e-3, steps * 4 // 5 - 2: 2e-3, steps * 4 // 5 - 1: 2e-4,
                                              steps - 1: 2e-4})
                self.check_rates(frozen, {update: rate for update, rate in RATES.items() if update < 30_000})
                self.check_rates(joint, {update - 30_000: rate for update, rate in RATES.items() if update >= 30_000})

    def test_without_curriculum_there_is_one_phase_of_all_steps(self):
        for name in PUBLISHED:
            (phase,) = phases.phases_of(read_experiment(f"--flagfile=experiments/{name}_bt.flags").train)
            self.assertEqual((phase.name, phase.end), ("", 125_000), name)
            self.assertEqual(settings(phase.config, TRAIN), TRAIN, name)
            self.check_rates(phase, RATES)

    def test_headers_name_numbers_and_data(self):
        for name in PUBLISHED:
            for file in (name, f"{name}_bt"):
                text = (helpers.ROOT / "experiments" / f"{file}.flags").read_text()
                self.assertRegex(text, r"# Table [12]: .*mIoU \d\d\.\d\d \+- \d+\.\d\d")
                self.assertIn("# Data: the release, --dataset_config=official", text)

    def test_headers_score_the_last_weights_and_name_the_file_that_training_reads(self):
        for name in PUBLISHED:
            text, generated = ((helpers.ROOT / "experiments" / f"{file}.flags").read_text()
                               for file in (name, f"{name}_generated"))
            self.assertIn("tfobj.evaluate --run_dir=R --checkpoint=latest --num_examples=0", text, name)
            self.assertEqual(text.count("tfobj.evaluate"), text.count("--checkpoint=latest"), name)
            weights = read_experiment(f"--flagfile=experiments/{name}_generated.flags").model_config.backbone_weights
            self.assertEqual(pathlib.PurePath(weights).name, "model.safetensors")
            self.assertIn(f"# It needs {weights}", generated, name)
            self.assertIn("--backbone_weights= starts without", generated, name)

    def test_the_guide_scores_the_last_weights(self):
        scoring = (helpers.ROOT / "docs" / "curriculum.md").read_text().split("## Scoring")[1].split("## ")[0]
        commands = [line for line in scoring.splitlines() if line.startswith("python -m tfobj.evaluate")]
        self.assertEqual(len(commands), 4)
        for command in commands:
            self.assertIn("--checkpoint=latest", command)


if __name__ == "__main__":
    unittest.main()
