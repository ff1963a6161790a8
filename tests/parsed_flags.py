"""The flags of `tfobj.train`, parsed in this process and forgotten afterwards."""

import contextlib
import os
from unittest import mock

from absl import flags
from absl.testing import flagsaver

from tests.helpers import ROOT
from tfobj import flags as experiment_flags


@contextlib.contextmanager
def parsed(*arguments):
    """Defines the flags and parses `arguments`, such as `--model=slot_attention`, from the repository root."""
    before = os.getcwd()
    os.chdir(ROOT)
    try:
        with flagsaver.flagsaver(), mock.patch.dict(experiment_flags.SECTIONS, clear=True):
            experiment_flags.define_experiment_flags()
            if "run_dir" not in flags.FLAGS:
                flags.DEFINE_string("run_dir", None, "Directory of the run.")
            flags.FLAGS(["train", *arguments])
            yield
    finally:
        os.chdir(before)


def read_experiment(*arguments):
    """The `ExperimentConfig` that the flags describe."""
    with parsed(*arguments):
        return experiment_flags.read_experiment()
