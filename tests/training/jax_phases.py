"""Trains in phases on the JAX backend, in a process of its own.

    python -m tests.training.jax_phases DIRECTORY DATA_DIR

Makes, in DIRECTORY, the runs `whole`, `two` (on two devices) and `parts3`, `parts4`, `parts5`, interrupted before, at and
behind the boundary of the phases; `one` without a boundary and `kept` over one, with the same optimizer.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402

jax.config.update("jax_num_cpu_devices", 2)

from tests.training import phased_model  # noqa: E402
from tests.training import stops  # noqa: E402
from tfobj.training import launch  # noqa: E402


def main(directory, data_dir):
    """See the module."""
    def experiment(**changes):
        return phased_model.experiment(data_dir=data_dir, optimizer="sgd", **changes)

    with phased_model.registered():
        launch.train(experiment(), f"{directory}/whole")
        launch.train(experiment(strategy="auto", num_devices=2), f"{directory}/two")
        for stop in (3, 4, 5):
            stops.train_until(stop, experiment(checkpoint_every=1), f"{directory}/parts{stop}")
            launch.train(experiment(checkpoint_every=1), f"{directory}/parts{stop}")
        for name, phases in (("one", "second:6"), ("kept", "second:4,second:2:moments=keep")):
            launch.train(phased_model.experiment(phases, data_dir=data_dir), f"{directory}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
