"""Trains a model.

    python -m tfobj.train --flagfile=experiments/slot_attention_tetrominoes.flags
    python -m tfobj.train --flagfile=experiments/quickstart.flags --seed=1 --run_dir=runs/seed1

Flags after --flagfile override the experiment's. Everything a run needs to be repeated is written into --run_dir
before the first step. Starting the same command again resumes an interrupted run exactly; SIGTERM or Ctrl-C saves and
stops. Watch it with: tensorboard --logdir=runs
"""

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags

experiment_flags.define_experiment_flags()
flags.DEFINE_string("run_dir", None, "Directory of the run. (default: runs/<model>_<dataset>)")
experiment_flags.SECTIONS["The model"].append("run_dir")


def main():
    """Reads the flags and trains."""
    experiment = experiment_flags.read_experiment()
    command_line.import_backend()
    from tfobj.training import launch

    names = [experiment.model, experiment.data.dataset, experiment.data.dataset_variant]
    launch.train(experiment, flags.FLAGS.run_dir or "runs/" + "_".join(filter(None, names)), advise=True)


if __name__ == "__main__":
    command_line.run(main)
