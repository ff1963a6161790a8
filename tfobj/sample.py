"""Draws scenes that nobody has photographed from the prior of a trained model.

    python -m tfobj.sample --run_dir=runs/genesis_v2_objects_room --out=scenes
    python -m tfobj.sample --run_dir=runs/genesis_v2_objects_room --out=scenes --num_samples=1000 --num_slots=9
    python -m tfobj.sample --run_dir=runs/genesis_v2_objects_room --fid

Writes scene_N.png and scene_N_segmentation.png (a palette PNG of ids) for every scene, samples_N.png, sixteen scenes
each with segmentation and the layers of the slots, and samples.json, which lists them. Scenes of an earlier call in
--out, those that its samples.json lists, are replaced. The same --seed gives the same scenes, whatever --batch_size is.

--fid compares scenes with the images of a split instead: the Frechet distance of features of Keras' InceptionV3, over
10,000 of each (--num_samples; --split=train where there are fewer test images), printed and written into the run
directory (frechet_*.json, .png). It is no published FID, whose network has other weights and pooling: it ranks runs
that were scored in the same way. Hours on a CPU, minutes on a GPU.
"""

from absl import flags

from tfobj import command_line
from tfobj import flags as experiment_flags
from tfobj.errors import UserError

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run that tfobj.train wrote.")
_OUT = flags.DEFINE_string("out", None, "Directory for the scenes.")
_CHECKPOINT = flags.DEFINE_enum("checkpoint", "best", ["best", "latest"], "Which weights of the run. (default: best)")
_NUM_SAMPLES = flags.DEFINE_integer("num_samples", None, "Scenes. (default: 64; with --fid 10000)", 1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the scenes. (default: 0)", 0)
_NUM_SLOTS = flags.DEFINE_integer("num_slots", None, "Slots K of a scene. (default: as trained)", 1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Scenes per pass of the model. (default: 32)", 1)
_FID = flags.DEFINE_boolean("fid", False, "Compare with the data instead of writing scenes. (default: no)")
_SPLIT = flags.DEFINE_enum("split", "test", ["train", "validation", "test"], "--fid: images to compare with, as many "
                           "as scenes, or all if there are fewer. (default: test)")
_WEIGHTS = flags.DEFINE_string("inception_weights", "imagenet", "--fid: imagenet downloads Keras' weights, a path "
                               "reads their file (..._notop.h5), random tries without. (default: imagenet)")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "--fid: where the prepared data is now. (default: as in training)")
_IMAGE_DIR = flags.DEFINE_string("image_dir", None, "--fid: where the folder of pictures is now. (default: as it was)")
experiment_flags.define_test_time_flags()


def main():
    """Checks the flags, then draws or compares."""
    command_line.require(run_dir=_RUN_DIR.value, **({} if _FID.value else {"out": _OUT.value}))
    if _FID.value and _OUT.value:
        raise UserError(f"--out={_OUT.value} with --fid, which writes into the run directory; leave one of them out")
    from tfobj import registry
    from tfobj.training import run_directory

    run = run_directory.read_run(_RUN_DIR.value)
    command_line.import_backend()
    from tfobj import sampling

    model = run.config.model
    sampling.check_draws_scenes(f"--run_dir={_RUN_DIR.value} is of --model={model}, which",
                                registry.load(registry.model_entry(model).path))
    _compare() if _FID.value else _draw()


def _draw():
    from tfobj import file_writing
    from tfobj import sampling
    from tfobj.training import engine
    from tfobj.training import run_directory
    from tfobj.training.progress import Countdown

    file_writing.prepare_out(_OUT.value)
    changes = experiment_flags.read_test_time_changes()
    run = run_directory.load_run(_RUN_DIR.value, _CHECKPOINT.value, changes)
    sampler = sampling.SceneSampler(run.model, engine.single_device_engine(), _SEED.value, _NUM_SLOTS.value,
                                    _BATCH_SIZE.value)
    about = {"run_dir": _RUN_DIR.value, "checkpoint": _CHECKPOINT.value, "step": run.step, "seed": _SEED.value,
             "num_slots": sampler.num_slots, **changes}
    index = sampling.write_scenes(sampler, _OUT.value, _NUM_SAMPLES.value or 64, about, run.model.background_slot,
                                  Countdown("drawing", "scenes"))
    print(f"drawn: scenes={len(index['images'])} slots={sampler.num_slots} overview={_OUT.value}/{index['overview']} "
          f"index={_OUT.value}/{sampling.INDEX}")


def _compare():
    from tfobj import frechet_run
    from tfobj.metrics.inception import InceptionFeatures
    from tfobj.training.opened_run import OpenedRun
    from tfobj.training.opened_run import Settings
    from tfobj.training.progress import Countdown

    extractor, count = InceptionFeatures(_WEIGHTS.value), _NUM_SAMPLES.value or 10_000
    opened = OpenedRun(Settings(
        _RUN_DIR.value, split=_SPLIT.value, num_examples=count, checkpoint=_CHECKPOINT.value,
        num_slots=_NUM_SLOTS.value, noise_seed=_SEED.value, batch_size=_BATCH_SIZE.value, data_dir=_DATA_DIR.value,
        image_dir=_IMAGE_DIR.value, model_changes=experiment_flags.read_test_time_changes()))
    result, *paths = frechet_run.frechet_of_run(opened, extractor, count, (Countdown("images read", "batches"),
                                                                          Countdown("drawing", "scenes")))
    print(frechet_run.told(result))
    print(f"written: {', '.join(map(str, paths))}")


if __name__ == "__main__":
    command_line.run(main)
