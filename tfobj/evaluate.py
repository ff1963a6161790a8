"""Scores a trained model on held-out images, or analyses it.

    python -m tfobj.evaluate --run_dir=runs/quickstart
    python -m tfobj.evaluate --run_dir=runs/quickstart --num_slots=6 --num_iterations=5
    python -m tfobj.evaluate --run_dir=runs/slot_attention_clevr6 --min_objects=7 --max_objects=10 --num_slots=11
    python -m tfobj.evaluate --run_dir=runs/no_green_spheres --dataset_variant=clevr10 --exclude_objects= \\
        --require_objects=shape:sphere,color:green
    python -m tfobj.evaluate --run_dir=runs/room --dataset=objects_room --dataset_variant=six_objects --num_slots=11
    python -m tfobj.evaluate --run_dir=runs/genesis_v2_objects_room --dynamic_slots --min_slot_mass=70

Prints a table, writes evaluation.json and evaluation.png (images, masks and slots) into the run directory; what differs
from the default goes into the file names. The protocol of the papers is the first 320 test images, those that pass the
filters of the training; for models that predict sets it is all 15,000 of CLEVR, --num_examples=0, or, for ablations,
500. The noise is fixed by --noise_seed per image, so the scores do not depend on the batch size.
Other data than that of the training is scored with --dataset, --dataset_variant and the flags after them. What a model
has for test time (--dynamic_slots, --min_slot_mass, --nouse_background) is listed by tfobj.train --model=NAME --help.

Analyses take the same flags, and write NAME.json and NAME.png:

    python -m tfobj.evaluate --run_dir=R --analysis=iterations --num_iterations=15
    python -m tfobj.evaluate --run_dir=R --analysis=slots --slots=7,9,11 --min_objects=7 --max_objects=9
    python -m tfobj.evaluate --run_dir=R --analysis=factors
    python -m tfobj.evaluate --run_dir=R --analysis=traversals --image_index=3
    python -m tfobj.evaluate --run_dir=R --analysis=multistability --image_index=3 --num_seeds=100
    python -m tfobj.evaluate --run_dir=R --analysis=precision --num_examples=0
    python -m tfobj.evaluate --run_dir=R --analysis=objects --object_counts=6,7,8,9,10 --num_examples=0
"""

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags
from tfobj.analysis import catalogue

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run.")
_SPLIT = flags.DEFINE_enum("split", "test", ["train", "validation", "test"], "Split to score. (default: test)")
_NUM_EXAMPLES = flags.DEFINE_integer("num_examples", 320, "First N images of the split; 0: all. (default: 320)", 0)
_CHECKPOINT = flags.DEFINE_enum("checkpoint", "best", ["best", "latest"], "Which weights. (default: best)")
_NUM_SLOTS = flags.DEFINE_integer("num_slots", None, "Slots K at test time. (default: as trained)", 1)
_NUM_ITERATIONS = flags.DEFINE_integer("num_iterations", None, "Iterations T at test time. (default: as trained)", 0)
_NOISE_SEED = flags.DEFINE_integer("noise_seed", 0, "Seed of the noise, such as the initial slots. (default: 0)", 0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images per step; no influence on the scores. (default: 32)", 1)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where the prepared data is now. (default: where it was in training)")
_IMAGE_DIR = flags.DEFINE_string("image_dir", None, "Where the folder of pictures is now. (default: where it was)")
_CHANGES = {
    "dataset": flags.DEFINE_string("dataset", None, "Score on this data set. (default: as trained)"),
    "dataset_variant": flags.DEFINE_string("dataset_variant", None, "Score on this variant. (default: as trained)"),
    "dataset_config": flags.DEFINE_enum("dataset_config", None, ["generated", "official", "tiny"],
                                        "Where the examples come from. (default: as trained)"),
    "preprocessing": flags.DEFINE_string("preprocessing", None, "Recipe for these images. (default: as trained)"),
    "image_size": flags.DEFINE_string("image_size", None, "Size for these images. (default: as trained)"),
    "splits": flags.DEFINE_enum("splits", None, ["recipe", "stored"], "Which official records. (default: as trained)"),
    "sequence_frames": flags.DEFINE_integer("sequence_frames", None, "Frames of sequences. (default: as trained)", 0),
    "min_objects": flags.DEFINE_integer("min_objects", None, "Scenes with so many objects. (default: as trained)", 0),
    "max_objects": flags.DEFINE_integer("max_objects", None, "Scenes with at most so many objects, 0: all. "
                                        "(default: as trained)", 0),
    "exclude_objects": flags.DEFINE_string("exclude_objects", None, "Scenes without such objects; empty: all. "
                                           "(default: as trained)"),
    "require_objects": flags.DEFINE_string("require_objects", None, "Scenes with such objects; empty: all. "
                                           "(default: as trained)"),
}
catalogue.define_flags()
experiment_flags.define_test_time_flags()


def main():
    """Reads the flags, scores or analyses, prints the table."""
    command_line.require(run_dir=_RUN_DIR.value)
    options = catalogue.read_options()
    command_line.import_backend()
    from tfobj.analysis.run_analysis import run_analysis
    from tfobj.training import evaluate_run
    from tfobj.training.progress import Countdown

    settings = {
        "run_dir": _RUN_DIR.value, "split": _SPLIT.value, "num_examples": _NUM_EXAMPLES.value,
        "checkpoint": _CHECKPOINT.value, "num_slots": _NUM_SLOTS.value, "num_iterations": _NUM_ITERATIONS.value,
        "noise_seed": _NOISE_SEED.value, "batch_size": _BATCH_SIZE.value, "data_dir": _DATA_DIR.value,
        "image_dir": _IMAGE_DIR.value, "changes": {name: flag.value for name, flag in _CHANGES.items()},
        "model_changes": experiment_flags.read_test_time_changes()}
    if options is None:
        result, *paths = evaluate_run.evaluate_run(report=Countdown("scored", "batches"), **settings)
        table = evaluate_run.table(result)
    else:
        _, table, *paths = run_analysis(flags.FLAGS.analysis, options, Countdown, **settings)
    print(table)
    print(f"written: {', '.join(map(str, paths))}")


if __name__ == "__main__":
    command_line.run(main)
