"""Trains a phase that computes something once per image on the JAX backend, in a process of its own.

    python -m tests.training.jax_precomputed DIRECTORY DATA_DIR

Makes, in DIRECTORY, the runs `computed`, which computes it in every step, `stored`, interrupted and resumed in that
phase, `two` (on two devices), `resident` and `streamed`, with the two loops of accelerators, and `quantized` and
`quantized_computed`, with 8 bits.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402

jax.config.update("jax_num_cpu_devices", 2)

from tests.training import jax_loops  # noqa: E402
from tests.training import phased_model  # noqa: E402
from tests.training import stops  # noqa: E402
from tests.training.test_precomputed import COMPUTED, STORED  # noqa: E402
from tfobj.training import launch  # noqa: E402


def main(directory, data_dir):
    """See the module."""
    def experiment(phases=STORED, **changes):
        return phased_model.experiment(phases, data_dir=data_dir, optimizer="sgd", learning_rate=0.2, **changes)

    with phased_model.registered():
        launch.train(experiment(COMPUTED), f"{directory}/computed")
        stops.train_until(6, experiment(checkpoint_every=1), f"{directory}/stored")
        launch.train(experiment(checkpoint_every=1), f"{directory}/stored")
        launch.train(experiment(strategy="auto", num_devices=2), f"{directory}/two")
        jax_loops.with_loop(experiment(), f"{directory}/resident", 0.25)
        jax_loops.with_loop(experiment(), f"{directory}/streamed", 0.0)
        launch.train(experiment(quantized=True), f"{directory}/quantized")
        launch.train(experiment(COMPUTED, quantized=True), f"{directory}/quantized_computed")


if __name__ == "__main__":
    main(*sys.argv[1:])
