"""Finds the objects in your own images.

    python -m tfobj.predict --run_dir=runs/quickstart --images='photos/*.png' --out=predictions

Writes, per image, the segmentation (a palette PNG of ids), an overlay, one cut-out per slot and the slots as .npz, all
pictures at the image's own size, and for all images together overview.png and predictions.json. Models that predict
sets write a picture of the objects with their properties instead, and list the objects in predictions.json. Images of
any size, gray or colour, are resized to what the model was trained on. Results of an earlier call in --out, those that
its predictions.json lists, are replaced.
"""

import dataclasses

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags
from tfobj.serving import option_flags

option_flags.define()
_IMAGES = flags.DEFINE_string("images", None, "Pattern of the image files, in quotes, such as 'photos/**/*.png'.")
_OUT = flags.DEFINE_string("out", None, "Directory for the results.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 1, "Images per pass of the model; more are faster on a GPU. "
                                   "(default: 1)")


def main():
    """Checks flags and images, loads the run, predicts."""
    run_dir, checkpoint = flags.FLAGS.run_dir, flags.FLAGS.checkpoint
    command_line.require(run_dir=run_dir, images=_IMAGES.value, out=_OUT.value)
    command_line.require_tensorflow()  # reading thousands of images takes time
    from tfobj import file_writing
    from tfobj import photos
    from tfobj.training import run_directory
    from tfobj.training.progress import Countdown

    options, changes = option_flags.options(), experiment_flags.read_test_time_changes()
    run_directory.read_run(run_dir, changes)
    paths = photos.find(_IMAGES.value)
    photos.check(paths, _OUT.value, Countdown("reading"))
    command_line.import_tensorflow()
    from tfobj import prediction

    run = run_directory.load_run(run_dir, checkpoint, changes)
    options = options.of_run(run)
    predictor = prediction.Predictor(run.model, options, _BATCH_SIZE.value)
    about = {"run_dir": run_dir, "checkpoint": checkpoint, "step": run.step,
             "image_shape": list(run.image_shape), **dataclasses.asdict(options), **changes}
    file_writing.prepare_out(_OUT.value)
    index = prediction.predict(predictor, paths, _OUT.value, about, Countdown("predicting"))
    warnings, results = predictor.files.told(index["images"])
    for warning in warnings:
        print(warning)
    print(f"predicted: images={len(index['images'])} {results} overview={_OUT.value}/overview.png "
          f"index={_OUT.value}/predictions.json")


if __name__ == "__main__":
    command_line.run(main)
