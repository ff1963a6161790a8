"""Small runs for the tests of training: one prepared data set per process, and experiments that take seconds."""

import atexit
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from tests import helpers
from tfobj import config
from tfobj.data import prepared
from tfobj.training import checkpoints

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def data_dir():
    """Prepares the tiny coloured shapes once; returns their directory, which is removed at exit."""
    directory = tempfile.mkdtemp(prefix="tfobj_test_data_")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    prepared.prepare_dataset(config.DataConfig(dataset="colored_shapes", dataset_config="tiny", data_dir=directory))
    return directory


def experiment(model_changes=None, **changes):
    """An experiment of a few steps on 64 tiny images; keywords change the training or the data configuration."""
    values = {"num_steps": 10, "batch_size": 8, "learning_rate": 2e-3, "warmup_steps": 4, "decay": "exponential",
              "decay_steps": 50, "clip_norm": 0.05, "log_every": 5, "validate_every": 10, "picture_every": 10,
              "checkpoint_every": 5, "validation_examples": 6, "eval_batch_size": 4, "strategy": "one_device"}
    names = {field.name for field in dataclasses.fields(config.DataConfig)}
    data = {name: value for name, value in changes.items() if name in names}
    values.update({name: value for name, value in changes.items() if name not in names})
    return config.ExperimentConfig(
        "slot_attention", helpers.slot_attention_config(**(model_changes or {"num_slots": 4})),
        config.DataConfig(**{"dataset": "colored_shapes", "dataset_config": "tiny", "data_dir": data_dir(), **data}),
        config.TrainConfig(**values))


def flags_of(an_experiment):
    """The command line of an experiment, as a list of words."""
    words = [f"--model={an_experiment.model}"]
    for group in (an_experiment.model_config, an_experiment.data, an_experiment.train):
        for name, value in dataclasses.asdict(group).items():
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            if text != "":
                words.append(f"--{name}={text}")
    return words


def start_training(words, environment=None):
    """Starts `python -m tfobj.train` with one thread per process; returns the `Popen`, its output combined."""
    return subprocess.Popen(
        [sys.executable, "-m", "tfobj.train", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "TF_NUM_INTRAOP_THREADS": "1", **(environment or {})})


def weights_of(run_dir, folder="checkpoints"):
    """Every array of the last checkpoint: dict name -> array."""
    with np.load(checkpoints.newest(pathlib.Path(run_dir) / folder)) as file:
        return {name: file[name] for name in file if name.startswith(("model/", "optimizer/"))}


def step_of_best(run_dir):
    """The step of the checkpoint that validation has chosen."""
    return json.loads((pathlib.Path(run_dir) / "best" / "best.json").read_text())["step"]


def largest_difference(first, second):
    """Largest absolute difference of two dicts of arrays with the same names."""
    if set(first) != set(second):
        raise AssertionError(sorted(set(first) ^ set(second)))
    return max(float(np.max(np.abs(first[name].astype(np.float64) - second[name]))) for name in first)


def records(run_dir):
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (pathlib.Path(run_dir) / "metrics.jsonl").read_text().splitlines()]
