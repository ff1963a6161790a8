"""Trains on the JAX backend, in a process of its own in which TensorFlow cannot be imported.

    python -P tests/training/jax_runs.py DIRECTORY FLAG...

The flags describe a run of five steps on tiny images. Makes, in DIRECTORY, the runs `whole` (on one device), `parts`
(the same, interrupted after two steps by SIGTERM and after three by its end), `two` (on two devices), `low`
(mixed_bfloat16), `resident` (the loop that accelerators use) and `streamed` (the same where the images do not fit);
scores and analyses `whole` there; and prints what `nan`, a run with an absurd learning rate, and `limited`, one that may
have no error, say. The repository root must be on PYTHONPATH.
"""

import dataclasses
import os
import signal
import sys

os.environ["KERAS_BACKEND"] = "jax"
sys.path.append(os.path.dirname(__file__))  # the package of the tests needs TensorFlow
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None  # every import of them fails

import jax  # noqa: E402

jax.config.update("jax_num_cpu_devices", 2)

import jax_loops  # noqa: E402
from absl import flags  # noqa: E402

from tfobj import flags as experiment_flags  # noqa: E402
from tfobj.analysis import options  # noqa: E402
from tfobj.analysis.run_analysis import run_analysis  # noqa: E402
from tfobj.errors import UserError  # noqa: E402
from tfobj.models.slot_model import SlotModel  # noqa: E402
from tfobj.training import evaluate_run  # noqa: E402
from tfobj.training import jax_engine  # noqa: E402
from tfobj.training import launch  # noqa: E402

# Between them these two do all that analyses ask of an engine.
ANALYSES = {"factors": options.FactorsOptions(10, 5), "traversals": options.TraversalsOptions(num_dims=2)}


def changed(experiment, **changes):
    """A copy of an experiment with another training configuration."""
    return dataclasses.replace(experiment, train=dataclasses.replace(experiment.train, **changes))


def interrupted(experiment, run_dir):
    """Runs until SIGTERM arrives behind the second step."""
    original = jax_engine._CpuLoop.run

    def run_and_be_stopped(loop, num_steps):
        result = original(loop, num_steps)
        os.kill(os.getpid(), signal.SIGTERM)
        return result

    jax_engine._CpuLoop.run = run_and_be_stopped
    try:
        return launch.train(experiment, run_dir)
    finally:
        jax_engine._CpuLoop.run = original


def main():
    """See the module."""
    directory = sys.argv[1]
    experiment_flags.define_experiment_flags()
    flags.FLAGS(sys.argv[1:])
    experiment = experiment_flags.read_experiment()
    launch.train(experiment, f"{directory}/whole")
    interrupted(experiment, f"{directory}/parts")
    launch.train(changed(experiment, num_steps=3), f"{directory}/parts")
    launch.train(experiment, f"{directory}/parts")
    launch.train(changed(experiment, strategy="auto", num_devices=2), f"{directory}/two")
    jax_loops.with_loop(experiment, f"{directory}/resident", 0.25)
    jax_loops.with_loop(experiment, f"{directory}/streamed", 0.0)
    evaluate_run.evaluate_run(f"{directory}/whole", num_examples=10, batch_size=4)
    for name, chosen in ANALYSES.items():
        run_analysis(name, chosen, lambda verb, noun: print, f"{directory}/whole", num_examples=5, num_iterations=1,
                     batch_size=5)
    launch.train(changed(experiment, precision="mixed_bfloat16"), f"{directory}/low")
    try:
        launch.train(changed(experiment, learning_rate=1e30, warmup_steps=0, clip_norm=0.0), f"{directory}/nan")
    except UserError as error:
        print(f"nan: {error}")
    SlotModel.term_limits = {"mse": (1e-9, "max_mse")}
    try:
        launch.train(experiment, f"{directory}/limited")
    except UserError as error:
        print(f"limited: {error}")
    print("devices:", jax_engine.JaxEngine(jax.devices()).describe())


if __name__ == "__main__":
    main()
