"""Finds the objects in your own images.

    python -m tfobj.predict --run_dir=runs/quickstart --images='photos/*.png' --out=predictions

Writes, per image, the segmentation (a palette PNG of ids), an overlay, one cut-out per slot and the slots as .npz, all
pictures at the image's own size, and for all images together overview.png and predictions.json. Images of any size,
gray or colour, are resized to what the model was trained on.
"""

import dataclasses

from absl import flags

from tfobj import command_line
from tfobj.errors import UserError

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run that tfobj.train wrote.")
_IMAGES = flags.DEFINE_string("images", None, "Pattern of the image files, in quotes, such as 'photos/**/*.png'.")
_OUT = flags.DEFINE_string("out", None, "Directory for the results.")
_CHECKPOINT = flags.DEFINE_enum("checkpoint", "best", ["best", "latest"], "Which weights of the run.")
_NUM_SLOTS = flags.DEFINE_integer("num_slots", None, "Slots K; as in training if omitted.")
_NUM_ITERATIONS = flags.DEFINE_integer("num_iterations", None, "Iterations T; as in training if omitted.")
_THRESHOLD = flags.DEFINE_float("threshold", 0.5, "Mask above which a pixel belongs to a slot, not the background; "
                                                  "0 gives every pixel to its largest mask.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 1, "Images per pass of the model; more are faster on a GPU.")
_NOISE_SEED = flags.DEFINE_integer("noise_seed", 0, "Seed of the noise that every image gets.")


def main():
    """Checks flags and images, loads the run, predicts."""
    for flag in (_RUN_DIR, _IMAGES, _OUT):
        if not flag.value:
            raise UserError(f"--{flag.name} is missing: tfobj.predict needs --run_dir=runs/<name>, "
                            "--images='photos/*.png' and --out=<directory>")
    from tfobj import photos
    from tfobj.serving.options import ServingOptions
    from tfobj.training import run_directory
    from tfobj.training.progress import Countdown

    options = ServingOptions(_NUM_SLOTS.value, _NUM_ITERATIONS.value, _THRESHOLD.value, _NOISE_SEED.value)
    options.check()
    run_directory.read_run(_RUN_DIR.value)
    paths = photos.find(_IMAGES.value)
    photos.check(paths, _OUT.value, Countdown("reading"))
    command_line.import_tensorflow()
    from tfobj import prediction

    run = run_directory.load_run(_RUN_DIR.value, checkpoint=_CHECKPOINT.value)
    predictor = prediction.Predictor(run.model, options, _BATCH_SIZE.value)
    about = {"run_dir": _RUN_DIR.value, "checkpoint": _CHECKPOINT.value, "step": run.step,
             "image_shape": list(run.image_shape), **dataclasses.asdict(options)}
    prediction.prepare_out(_OUT.value)
    index = prediction.predict(predictor, paths, _OUT.value, about, Countdown("predicting"))
    _print(index, options.threshold)


def _print(index, threshold):
    """Tells what was found and where it lies."""
    found = [sum(slot["pixels"] > 0 for slot in entry["slots"]) for entry in index["images"]]
    if not any(found):
        print(f"no slot owns a pixel above --threshold={threshold:g}: every segmentation is background; "
              "try a smaller threshold, 0 assigns every pixel")
    print(f"predicted: images={len(found)} mean_slots_found={sum(found) / len(found):.2f} "
          f"overview={_OUT.value}/overview.png index={_OUT.value}/predictions.json")


if __name__ == "__main__":
    command_line.run(main)
