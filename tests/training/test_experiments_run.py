"""Every experiment file trains for one step, with few channels, on the tiny configuration of its data set.

Files that come to the same then, as `NAME_generated` and `NAME` do, train once. Ablations change an option of
files that train here; that each option trains is what the tests of its layer show. Of phases, only the smoke runs train
all, for a step each.
"""

import collections
import contextlib
import dataclasses
import functools
import io
import tempfile
import unittest

from tests import helpers
from tests.parsed_flags import read_experiment
from tfobj import config
from tfobj import registry
from tfobj.data import prepared
from tfobj.training import launch
from tfobj.training import phases

FILES = sorted(path.relative_to(helpers.ROOT) for path in (helpers.ROOT / "experiments").rglob("*.flags")
               if path.name != "_base.flags" and path.parent.name != "ablations")
SIZES = {"train": 16, "validation": 8, "test": 1}
CHANNELS = 8  # the published numbers are those of tests.test_experiments
# For releases of which nothing is drawn here; their images have 128x128 pixels.
_STAND_IN = {"dataset": "multi_dsprites", "dataset_variant": "colored_on_colored", "image_size": "128"}
SMALLEST = {"num_iterations": 1, "backbone": "tiny", "backbone_weights": "", "background_model": "tiny",
            "transformer_layers": 1, "unet_widths": (CHANNELS, CHANNELS), "glimpse_widths": (CHANNELS, CHANNELS)}
STAND_INS = {"sketchy": _STAND_IN, "apc": _STAND_IN}


class ExperimentsRunTest(unittest.TestCase):
    """One test a model, named `test_one_step_of_every_experiment_of_MODEL`, so that each takes seconds."""

    def run_all(self, model):
        done = []
        with tempfile.TemporaryDirectory() as root:
            for path, experiment in experiments_by_model()[model]:
                with self.subTest(path=str(path)):
                    experiment = small(experiment, f"{root}/data", with_phases=path.parent.name == "smoke")
                    if experiment not in done:
                        self.run_one_step(experiment, f"{root}/{path.stem}")
                    done.append(experiment)
        self.assertTrue(done)

    def run_one_step(self, experiment, run_dir):
        with contextlib.redirect_stdout(io.StringIO()):
            prepared.prepare_dataset(experiment.data, split_sizes=SIZES)
            scores = launch.train(experiment, run_dir)
        self.assertEqual(scores["step"], experiment.train.num_steps)
        self.assertGreater(scores["loss"], 0.0)
        self.assertTrue({"ari_fg", "ap_inf"} & set(scores), scores)


def _test_of(model):
    return lambda self: self.run_all(model)


for _model in registry.MODELS:
    setattr(ExperimentsRunTest, f"test_one_step_of_every_experiment_of_{_model}", _test_of(_model))


@functools.cache
def experiments_by_model():
    """Dict from the name of a model to a list of its files and what they describe."""
    found = collections.defaultdict(list)
    for path in FILES:
        experiment = read_experiment(f"--flagfile={path}")
        found[experiment.model].append((path, experiment))
    return found


def small(experiment, data_dir, with_phases):
    """The experiment with one step (of every phase), few channels and few images."""
    data = dataclasses.replace(experiment.data, dataset_config="tiny", data_dir=data_dir)
    if data.dataset in STAND_INS:
        data = dataclasses.replace(data, **STAND_INS[data.dataset])
    names = [phase.name for phase in phases.phases_of(experiment.train)] if with_phases else [""]
    train = dataclasses.replace(experiment.train, phases=",".join(f"{name}:1" for name in names if name),
                                num_steps=len(names), batch_size=2, validation_examples=2, eval_batch_size=2,
                                strategy="one_device")
    small_one = dataclasses.replace(experiment, data=data, train=train, model_config=narrow(experiment.model_config))
    return alike(small_one) if experiment.model == "ast_seg" else small_one


def alike(experiment):
    """An AST-Seg experiment with small images and few slots, so that all published ones become the same."""
    data = config.DataConfig(dataset="colored_shapes", dataset_config="tiny", data_dir=experiment.data.data_dir)
    model_config = dataclasses.replace(experiment.model_config, num_slots=4, scaling="isotropic")
    return dataclasses.replace(experiment, data=data, model_config=model_config)


def narrow(model_config):
    """The configuration with few channels and one iteration, without files of weights."""
    values = {name: CHANNELS for name in vars(model_config) if name.endswith("_channels") or name == "feature_size"}
    values.update({name: (CHANNELS,) * len(value) for name, value in vars(model_config).items()
                   if name.endswith("_filters")})
    values.update({name: value for name, value in SMALLEST.items() if hasattr(model_config, name)})
    if hasattr(model_config, "geco_goal"):  # each slot is a step of a recurrence, all of them traced
        values["num_slots"] = 3
    return dataclasses.replace(model_config, **values)
