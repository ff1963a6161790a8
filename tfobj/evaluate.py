"""Scores a trained model on held-out images.

    python -m tfobj.evaluate --run_dir=runs/quickstart
    python -m tfobj.evaluate --run_dir=runs/quickstart --num_slots=6 --num_iterations=5

Prints a table, writes evaluation.json and evaluation.png (images, masks and slots) into the run directory; what differs
from the default goes into the file names. The protocol of the papers is the first 320 test images. The noise is fixed
by --noise_seed per image, so the scores do not depend on the batch size.
"""

from absl import flags

from tfobj import command_line

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run.")
_SPLIT = flags.DEFINE_enum("split", "test", ["train", "validation", "test"], "Split to score. (default: test)")
_NUM_EXAMPLES = flags.DEFINE_integer("num_examples", 320, "First N images of the split; 0: all. (default: 320)", 0)
_CHECKPOINT = flags.DEFINE_enum("checkpoint", "best", ["best", "latest"], "Which weights. (default: best)")
_NUM_SLOTS = flags.DEFINE_integer("num_slots", None, "Slots K at test time. (default: as trained)", 1)
_NUM_ITERATIONS = flags.DEFINE_integer("num_iterations", None, "Iterations T at test time. (default: as trained)", 0)
_NOISE_SEED = flags.DEFINE_integer("noise_seed", 0, "Seed of the initial slots. (default: 0)", 0)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images per step; no influence on the scores. (default: 32)", 1)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where the prepared data is now. (default: where it was in training)")
_IMAGE_DIR = flags.DEFINE_string("image_dir", None, "Where the folder of pictures is now. (default: where it was)")


def main():
    """Reads the flags, scores, prints the table."""
    command_line.require(run_dir=_RUN_DIR.value)
    command_line.import_tensorflow()
    from tfobj.training import evaluate_run
    from tfobj.training.progress import Countdown

    result, path, picture = evaluate_run.evaluate_run(
        _RUN_DIR.value, _SPLIT.value, _NUM_EXAMPLES.value, _CHECKPOINT.value, _NUM_SLOTS.value, _NUM_ITERATIONS.value,
        _NOISE_SEED.value, _BATCH_SIZE.value, _DATA_DIR.value, _IMAGE_DIR.value,
        Countdown("scored", "batches"))
    print(evaluate_run.table(result))
    print(f"written: {path}, {picture}")


if __name__ == "__main__":
    command_line.run(main)
