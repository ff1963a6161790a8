"""Every ablation of the papers inherits an experiment and changes what it is named after."""

import dataclasses
import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import registry
from tfobj.layers import refinement_inputs

FOLDER = helpers.ROOT / "experiments" / "ablations"
MODULE = {
    "sum": {"aggregation": "sum"}, "sum_layernorm": {"aggregation": "sum_layernorm"},
    "softmax_inputs": {"softmax_axis": "inputs"}, "per_slot_init": {"slot_init": "per_slot"},
    "no_gru": {"update": "replace"}, "no_mlp": {"use_mlp": False},
    "no_layernorm": {"norm_inputs": False, "norm_slots": False},
    "no_position_embedding": {"encoder_position_embedding": False}, "no_scale": {"attention_scale": 1.0},
    "epsilon_denominator": {"epsilon_mode": "denominator"}, "iterations_1": {"num_iterations": 1},
    "iterations_2": {"num_iterations": 2}, "iterations_4": {"num_iterations": 4}, "iterations_5": {"num_iterations": 5},
    "no_warmup": {"warmup_steps": 0}, "no_decay": {"decay": "none"}}
# Slot Attention's ablations that are not from its Appendix B.
FIGURE_23 = ("iteration_loss", "coordinate_scale_2")
# AST-Seg, Table 4: data set -> most objects, steps of the background alone, the other number of scales.
AST_SEG = {"clevrtex": (10, 500_000, "isotropic"), "clevr": (10, 2_500, "anisotropic"),
           "shapestacks": (6, 500_000, "anisotropic"), "objects_room": (3, 500_000, "isotropic")}


def ast_seg_changes(objects, steps, scaling):
    """Changes of all ablations on a data set."""
    background = (f"background:{steps}:batch_size=128:learning_rate=2e-3:warmup_steps=0:decay_steps={steps * 4 // 5}:"
                  "adam_beta_2=0.999:adam_epsilon=1e-8")
    return {"no_transformer": {"use_transformer": False}, "one_slot_more": {"num_slots": objects + 2},
            "twice_the_slots": {"num_slots": 2 * objects + 1}, "unet": {"feature_generator": "unet"},
            "random_backbone": {"backbone_weights": ""}, "no_pixel_entropy": {"pixel_entropy_weight": 0.0},
            "frozen_background": {"phases": f"{background},frozen:125000"}, scaling: {"scaling": scaling}}


REFINEMENT_INPUTS = (*refinement_inputs.SPATIAL, *refinement_inputs.FLAT)
WITHOUT = {f"without_{name}": {"excluded_inputs": name} for name in REFINEMENT_INPUTS}
SOURCES = {"iodine": r"Greff et al\. 2019, (Figures? \d+|Section 4\.)",
           "slot_attention": r"Locatello et al\. 2020, Appendix B", "ast_seg": "AST-Seg on .*, Table 4: "}
CHANGES = {
    "iodine_clevr": {
        **WITHOUT, **{f"iterations_{count}": {"num_iterations": count} for count in (1, 2, 4, 6)},
        **{f"slots_{count}": {"num_slots": count} for count in (3, 5, 9)},
        "no_green_spheres": {"exclude_objects": "shape:sphere,color:green"}},
    "iodine_tetrominoes": WITHOUT,
    **{f"ast_seg_{name}": ast_seg_changes(*values) for name, values in AST_SEG.items()},
    "slot_attention_clevr6": {
        **MODULE, "slots_11": {"num_slots": 11},
        "soft_k_means": {"update": "replace", "use_mlp": False, "norm_inputs": False, "norm_slots": False,
                         "norm_mlp": False, "use_projections": False}},
    "slot_attention_properties_clevr10": {
        **MODULE, "iteration_loss": {"iteration_loss": "mean"}, "coordinate_scale_2": {"coordinate_scale": 2.0}},
    "slot_attention_properties_clevr6": {"slots_10": {"num_slots": 10}},
}


def knobs(experiment):
    """All knobs of an experiment but where it is written, dict."""
    groups = (experiment.model_config, experiment.data, experiment.train)
    return {"model": experiment.model, **{name: value for group in groups
                                          for name, value in dataclasses.asdict(group).items()}}


class AblationsTest(unittest.TestCase):
    def test_headers_say_on_which_images_the_paper_scores(self):
        for path in FOLDER.glob("slot_attention_*.flags"):
            header = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))
            sets = "properties" in path.stem
            self.assertIn("(README.md here): tfobj.evaluate --num_examples=500." if sets else
                          "320 training images (README.md here): tfobj.evaluate --split=train.", header, path.stem)
        readme = (FOLDER / "README.md").read_text()
        for words in ("--split=train", "--num_examples=500", "320 **training** images", "500 validation images"):
            self.assertIn(words, readme)

    def test_every_ablation_has_a_file(self):
        expected = {f"{base}_{name}" for base, names in CHANGES.items() for name in names}
        self.assertEqual({path.stem for path in FOLDER.glob("*.flags")}, expected)

    def test_files_change_what_they_are_named_after_and_nothing_else(self):
        for base, names in CHANGES.items():
            usual = knobs(read_experiment(f"--flagfile=experiments/{base}.flags"))
            for name, changes in names.items():
                with self.subTest(base=base, name=name):
                    path = FOLDER / f"{base}_{name}.flags"
                    experiment = read_experiment(f"--flagfile={path}")
                    found = knobs(experiment)
                    self.assertEqual({key: found[key] for key in found if found[key] != usual[key]}, changes)
                    lines = path.read_text().splitlines()
                    source = next(text for start, text in SOURCES.items() if base.startswith(start))
                    self.assertRegex(lines[0], r"Appendix C\.2, Figure 23\)" if name in FIGURE_23 else source)
                    self.assertIn(f"--run_dir=runs/{path.stem}", lines)
                    # Options that no model has are refused here; the weights are made later.
                    registry.load(registry.model_entry(experiment.model).path)(
                        image_shape=(128, 128, 3), **dataclasses.asdict(experiment.model_config))
