"""The whole way in a few minutes, with generated data and no download: prepare, train, evaluate, export, draw.

    python -m tfobj.quickstart
    python -m tfobj.quickstart --seed=3 --run_dir=runs/quickstart_seed3

Runs experiments/quickstart.flags. The last line gives the foreground ARI on 320 held-out images, the seconds that
training took in all, and the picture to look at. Starting it again resumes an interrupted run.
"""

import sys

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags

_EXPERIMENT = "experiments/quickstart.flags"

experiment_flags.define_experiment_flags()
_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run. (default: runs/quickstart)")
_EXPORT_DIR = flags.DEFINE_string("export_dir", None, "Directory of the exported model. (default: <run_dir>/export)")


def main():
    """Runs every stage and prints the result line."""
    experiment = experiment_flags.read_experiment()
    command_line.import_tensorflow()
    from tfobj.data import prepared
    from tfobj.serving import exporter
    from tfobj.serving import model_card
    from tfobj.training import evaluate_run
    from tfobj.training import launch
    from tfobj.training import run_directory

    print("1/4 data", flush=True)
    prepared.prepare_dataset(experiment.data, workers=2, progress=True)
    print("2/4 training", flush=True)
    trained = launch.train(experiment, _RUN_DIR.value)
    if trained["step"] < experiment.train.num_steps:
        return  # stopped by a signal; the line above says how to go on
    print("3/4 evaluation", flush=True)
    result, _, picture = evaluate_run.evaluate_run(_RUN_DIR.value)
    print(evaluate_run.table(result))
    print("4/4 export", flush=True)
    run = run_directory.load_run(_RUN_DIR.value)
    export = exporter.export_model(run.model, _EXPORT_DIR.value or f"{_RUN_DIR.value}/export",
                                   model_card=model_card.describe_run(run, "best"))
    print(f"written: {export.directory}")
    print(f"quickstart: ari_fg={result['scores']['ari_fg']:.3f} train_seconds={trained['train_seconds']:.0f} "
          f"picture={picture}")


if __name__ == "__main__":
    sys.argv[1:1] = [f"--flagfile={_EXPERIMENT}"]
    command_line.run(main)
