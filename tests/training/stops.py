"""Runs that die at a step, as of a kill: nothing is saved but what was."""

from unittest import mock

from tfobj.training import launch
from tfobj.training import stage as stages


class Killed(Exception):
    """The process is gone."""


def train_until(step, experiment, run_dir):
    """Trains until the update behind a step of the run is asked for, one update at a time."""
    with mock.patch.object(stages.Stage, "start", _stopping_at(step)):
        try:
            launch.train(experiment, run_dir)
        except Killed:
            return
    raise AssertionError(f"the run has not come to step {step}")


def _stopping_at(step):
    start = stages.Stage.start

    def stopping(stage, first):
        loop = start(stage, first)
        run, at = loop.run, [first]

        def run_and_die(num_steps):
            if at[0] == step:
                raise Killed
            at[0] += 1
            return run(1)

        loop.run = run_and_die
        return loop

    return stopping
