"""Flags from dataclasses: defaults, files, bounds, and flags that a model does not have."""

import dataclasses
import pathlib
import tempfile
import unittest
from unittest import mock

from absl import flags

from tests.parsed_flags import parsed, read_experiment
from tfobj import config
from tfobj import flags as experiment_flags
from tfobj import registry
from tfobj.errors import UserError

CHOSEN = ("--model=slot_attention", "--dataset=tetrominoes")


@dataclasses.dataclass(frozen=True)
class OtherConfig:
    """A second model."""

    num_slots: int = config.knob(11, "Slots K.", minimum=2)
    wobble: float = config.knob(0.5, "Only this model has it.", minimum=0.0, maximum=1.0)
    sizes: tuple = config.knob((3, 4), "A list.", minimum=1)


def with_other_model():
    """Registers a second model for the time of a `with`."""
    return mock.patch.dict(registry.MODELS, {"other": registry.ModelEntry(OtherConfig, "nowhere:Other")})


class DefaultsTest(unittest.TestCase):
    def test_flags_default_to_none_and_fields_to_the_dataclass(self):
        groups = (config.DataConfig, config.TrainConfig, config.SlotAttentionConfig)
        with parsed():
            for group in groups:
                for field in dataclasses.fields(group):
                    self.assertIsNone(flags.FLAGS[field.name].value, field.name)
        experiment = read_experiment(*CHOSEN)
        self.assertEqual(experiment, config.ExperimentConfig(
            "slot_attention", config.SlotAttentionConfig(), config.DataConfig(dataset="tetrominoes"),
            config.TrainConfig()))

    def test_every_kind_of_value(self):
        experiment = read_experiment(*CHOSEN, "--num_slots=9", "--learning_rate=1e-3", "--nouse_mlp", "--jit_compile",
                                     "--encoder_strides=2,1", "--optimizer=sgd", "--data_dir=elsewhere")
        self.assertEqual((experiment.model_config.num_slots, experiment.model_config.use_mlp,
                          experiment.model_config.encoder_strides), (9, False, (2, 1)))
        self.assertEqual((experiment.train.learning_rate, experiment.train.jit_compile, experiment.train.optimizer),
                         (1e-3, True, "sgd"))
        self.assertEqual(experiment.data.data_dir, "elsewhere")

    def test_help_text_names_the_default(self):
        with parsed():
            for name, shown in (("num_slots", "7"), ("encoder_strides", "1,1,1,1"), ("use_mlp", "true"),
                                ("jit_compile", "false"), ("image_size", "none"), ("learning_rate", "0.0004")):
                self.assertIn(f"(default: {shown})", flags.FLAGS[name].help)

    def test_shared_names_appear_in_the_sections_of_both_models(self):
        with with_other_model(), parsed():
            self.assertEqual(experiment_flags.SECTIONS["A second model."], ["num_slots", "wobble", "sizes"])
            self.assertIn("num_slots", experiment_flags.SECTIONS[config.SlotAttentionConfig.__doc__.splitlines()[0]])


class VariantTest(unittest.TestCase):
    def variant(self, *arguments):
        return read_experiment(CHOSEN[0], *arguments).data.dataset_variant

    def test_the_first_variant_is_the_default_and_has_its_name(self):
        name = "--dataset=multi_dsprites"
        self.assertEqual(self.variant(name), "colored_on_grayscale")
        self.assertEqual(self.variant(name, "--dataset_variant=colored_on_grayscale"), "colored_on_grayscale")
        self.assertEqual(self.variant(name, "--dataset_variant=binarized"), "binarized")
        self.assertEqual(self.variant("--dataset=tetrominoes"), "")
        self.assertEqual(self.variant("--dataset=shapestacks"), "")
        self.assertEqual(self.variant("--dataset=shapestacks", "--dataset_variant=unstable"), "unstable")

    def test_unknown_variants_are_refused_with_the_list(self):
        with self.assertRaisesRegex(UserError, "'gray' is no variant of multi_dsprites; choose one of: colored_on_"):
            self.variant("--dataset=multi_dsprites", "--dataset_variant=gray")
        with self.assertRaisesRegex(UserError, "shapestacks; choose one of: unstable, or leave the flag out$"):
            self.variant("--dataset=shapestacks", "--dataset_variant=stable")
        with self.assertRaisesRegex(UserError, "'binarized' is no variant of tetrominoes; it has none; leave the flag"):
            self.variant("--dataset=tetrominoes", "--dataset_variant=binarized")


class FilesTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = str(pathlib.Path(directory.name) / "some.flags")
        pathlib.Path(self.path).write_text(
            "# A comment.\n--flagfile=experiments/_base.flags\n--model=slot_attention\n--dataset=tetrominoes\n"
            "--num_slots=5\n--num_slots=6\n--batch_size=3\n")

    def test_values_come_from_the_file_and_the_later_wins(self):
        experiment = read_experiment(f"--flagfile={self.path}")
        self.assertEqual((experiment.model_config.num_slots, experiment.train.batch_size), (6, 3))
        self.assertEqual(experiment.model_config.num_iterations, 3)

    def test_flags_after_the_file_win_and_before_it_lose(self):
        experiment = read_experiment("--batch_size=8", f"--flagfile={self.path}", "--num_slots=7")
        self.assertEqual((experiment.model_config.num_slots, experiment.train.batch_size), (7, 3))


class RefusalTest(unittest.TestCase):
    def check_refused(self, expected, *arguments):
        with self.assertRaises(UserError) as raised:
            read_experiment(*arguments)
        self.assertIn(expected, str(raised.exception))
        self.assertEqual(len(str(raised.exception).splitlines()), 1)

    def test_model_and_dataset_are_needed(self):
        self.check_refused("no model was chosen; give --flagfile=experiments/NAME.flags, or --model=NAME")
        self.check_refused("no data set was chosen; give --dataset=NAME, one of: apc, clevr_masks, ", CHOSEN[0])

    def test_unknown_model_and_dataset(self):
        self.check_refused("--model='slots' is unknown; choose one of: ", "--model=slots", CHOSEN[1])
        self.check_refused("--dataset='tetris' is unknown; choose one of: apc, clevr_masks, ", CHOSEN[0],
                           "--dataset=tetris")

    def test_flag_of_another_model_is_refused_with_the_list(self):
        with with_other_model():
            self.check_refused("--wobble is no flag of --model=slot_attention; it has: aggregation, attention_epsilon",
                               *CHOSEN, "--wobble=0.1")
            self.check_refused("--use_mlp is no flag of --model=other; it has: num_slots, sizes, wobble",
                               "--model=other", CHOSEN[1], "--nouse_mlp")

    def test_shared_flag_belongs_to_the_chosen_model(self):
        with with_other_model():
            other = read_experiment("--model=other", CHOSEN[1], "--wobble=0.25")
            self.assertEqual(other.model_config, OtherConfig(11, 0.25, (3, 4)))
            self.assertEqual(read_experiment("--model=other", CHOSEN[1], "--num_slots=4").model_config.num_slots, 4)
            self.check_refused("--num_slots=1 is below the smallest possible value 2", "--model=other", CHOSEN[1],
                               "--num_slots=1")
            self.assertEqual(read_experiment(*CHOSEN, "--num_slots=1").model_config.num_slots, 1)

    def test_bounds(self):
        for argument, expected in (
                ("--num_slots=0", "--num_slots=0 is below the smallest possible value 1"),
                ("--learning_rate=-1", "--learning_rate=-1.0 is below the smallest possible value 0.0"),
                ("--learning_rate=nan", "--learning_rate=nan is below the smallest possible value 0.0"),
                ("--image_channels=4", "--image_channels=4 is above the largest possible value 3"),
                ("--encoder_strides=2,0", "--encoder_strides=2,0 is below the smallest possible value 1"),
                ("--batch_size=-3", "--batch_size=-3 is below the smallest possible value 1")):
            self.check_refused(expected, *CHOSEN, argument)

    def test_seeds_fit_32_bits(self):
        self.assertEqual(read_experiment(*CHOSEN, "--seed=4294967295").train.seed, 2**32 - 1)
        self.check_refused("--seed=5000000000 is above the largest possible value 4294967295", *CHOSEN,
                           "--seed=5000000000")

    def test_lists_are_not_empty(self):
        for name in ("encoder_strides", "decoder_strides"):
            self.check_refused(f"--{name}= is empty; give at least one whole number, such as ", *CHOSEN, f"--{name}=")

    def test_contradictions(self):
        for arguments, expected in (
                (("--strategy=one_device", "--num_devices=2"), "--strategy=one_device contradicts --num_devices=2; "),
                (("--weight_decay=0.1",), "--weight_decay=0.1 has no effect with --optimizer=adam; use --optimizer=ad"),
                (("--decay=cosine", "--decay_rate=1.5"), "--decay_rate=1.5 with --decay=cosine is the fraction of"),
                (("--exclude_objects=sphere",), "--exclude_objects='sphere' is no list of descriptions factor:class,"),
                (("--require_objects=sphere",), "--require_objects='sphere' is no list of descriptions factor:class,"),
                (("--exclude_objects=shape:a,shape:b",), "--exclude_objects='shape:a,shape:b' is no list of"),
                (("--image_dir=photos",), "--image_dir=photos has no effect with --dataset=tetrominoes; use "),
                (("--min_objects=3", "--max_objects=2"), "--min_objects=3 is more than --max_objects=2: no scene is")):
            self.check_refused(expected, *CHOSEN, *arguments)

    def test_what_only_looks_like_a_contradiction_is_accepted(self):
        for arguments in (("--strategy=one_device", "--num_devices=1"), ("--strategy=mirrored", "--num_devices=2"),
                          ("--weight_decay=0.1", "--optimizer=adamw"), ("--decay=cosine", "--decay_rate=1"),
                          ("--decay_rate=1.5",), ("--min_objects=3", "--max_objects=3"), ("--min_objects=3",)):
            read_experiment(*CHOSEN, *arguments)
        read_experiment(CHOSEN[0], "--dataset=folder", "--image_dir=photos")
        self.assertEqual(read_experiment(*CHOSEN, "--exclude_objects=shape:sphere,color:green").data.exclude_objects,
                         "shape:sphere,color:green")

    def test_flags_without_effect_on_a_folder(self):
        for argument in ("--sequence_frames=1", "--splits=stored"):
            self.check_refused(f"{argument} has no effect with --dataset=folder; leave it out", CHOSEN[0],
                               "--dataset=folder", argument)

    def test_lists_hold_whole_numbers(self):
        for words in ("2,x", "1.5", "2;1"):
            argument = f"--encoder_strides={words}"
            self.check_refused(f"{argument} is no comma-separated list of whole numbers, such as 1,1,1,1",
                               *CHOSEN, argument)

    def test_flags_are_refused_by_the_parser(self):
        for argument, expected in (
                ("--num_slotz=3", "Unknown command line flag 'num_slotz'"),
                ("--num_slots=three", "flag --num_slots=three"),
                ("--aggregation=median", "flag --aggregation=median: value should be one of <mean|sum|sum_layernorm>")):
            with self.assertRaises(flags.Error) as raised:
                read_experiment(*CHOSEN, argument)
            self.assertIn(expected, str(raised.exception))
