"""How far the scenes of a run's prior are from its data: the Frechet distance of features."""

import numpy as np
from keras import ops

from tfobj import sampling
from tfobj.data import faults
from tfobj.errors import UserError
from tfobj.metrics.frechet import FeatureStatistics, frechet_distance
from tfobj.scene_grid import scene_grid

_NUM_PICTURES = 16


def frechet_of_run(opened, extractor, num_samples, reports=(None, None)):
    """Compares scenes with the images that a run is examined on, both with 8 bits.

    Writes `frechet.json` and a picture of the first scenes into the run directory; what differs from the default goes
    into the names of the files.

    Args:
        opened: `tfobj.training.opened_run.OpenedRun`; its settings have the seed, the slots and the batch size.
        extractor: See `tfobj.metrics.inception.InceptionFeatures`; `model`, `size`, `label`, `name` and a call.
        num_samples: int. Scenes.
        reports: Tuple of two callables (done, in all) or None, for batches of images and for scenes.

    Returns:
        Tuple (result, json path, picture path); the result is what the JSON file holds.

    Raises:
        UserError: the model has no prior over scenes, or there are too few scenes or images.
    """
    if num_samples < 2:
        raise UserError(f"--num_samples={num_samples}: a covariance needs at least 2 scenes, and says something from "
                        f"{extractor.size} on")
    settings = opened.settings
    sampler = sampling.SceneSampler(opened.model, opened.engine, settings.noise_seed, settings.num_slots,
                                    settings.batch_size)
    of_images = _statistics_of_images(opened, extractor, reports[0])
    of_scenes, picture = _statistics_of_scenes(sampler, opened, extractor, num_samples, reports[1])
    result = {**opened.about(), "frechet": frechet_distance(of_scenes, of_images), "num_samples": of_scenes.count,
              "num_images": of_images.count, "features": extractor.name, "num_features": extractor.size}
    return result, *opened.write("frechet", result, picture, weights=(extractor.label, "imagenet"))


def told(result):
    """The result as text."""
    lines = [f"{'frechet':<20}{result['frechet']:>10.4f}  Frechet distance to the images, of the features of "
             f"{result['features']}",
             "It compares with distances by the same features only: the networks of published FIDs have other weights "
             "and pooling."]
    if min(result["num_samples"], result["num_images"]) <= result["num_features"]:
        lines.append(f"warning: of {result['num_features']} features fewer scenes or images than that say little; "
                     "published distances are of 10,000 each; --split=train has the most images")
    head = (f"{result['num_samples']} scenes of {result['model']}, step {result['step']}, K={result['num_slots']}, "
            f"seed {result['noise_seed']}; {result['num_images']} images of {result['data']} ({result['split']})")
    return "\n".join([head, *lines])


def _statistics_of_images(opened, extractor, report):
    """Statistics of the data's features."""
    def features_of(batch, noise):
        del noise
        # What a recipe leaves between two levels Pillow, with which the released code resizes, would have rounded.
        levels = eight_bits(opened.model.scored_frame(batch["image"]), rounded=True)
        return {"features": extractor(levels), "valid": batch["valid"]}

    statistics, examples = FeatureStatistics(extractor.size), opened.examples
    mapper = opened.engine.mapper(extractor.model, features_of, examples)
    with faults.named(opened.data_config):
        for number, values in enumerate(mapper.run({}), start=1):
            statistics.add(values["features"][values["valid"].astype(bool)])
            if report is not None:
                report(number, examples.num_batches)
    return statistics


def _statistics_of_scenes(sampler, opened, extractor, count, report):
    """Statistics of the scenes' features, and the picture of the first scenes."""
    features_of = opened.engine.compiled(lambda image: {"features": extractor(eight_bits(image))}, extractor.model)
    statistics, first, num_first = FeatureStatistics(extractor.size), [], 0
    for scenes in sampler.batches(count):
        statistics.add(features_of(scenes["reconstruction"])["features"])
        if num_first < _NUM_PICTURES:
            first.append(scenes)
            num_first += len(scenes["masks"])
        if report is not None:
            report(statistics.count, count)
    shown = {name: np.concatenate([scenes[name] for scenes in first])[:_NUM_PICTURES]
             for name in ("reconstruction", "masks", "components")}
    return statistics, scene_grid(shown, opened.model.background_slot)


def eight_bits(images, rounded=False):
    """Images with the 256 levels of a file, as the released evaluation stores them: truncated.

    Args:
        images: [B,H,W,C], uint8 or float in [0,1].
        rounded: bool. Floats to the nearest level instead of down.

    Returns:
        float32 of the same shape, whole numbers from 0 to 255.
    """
    if "uint8" in str(images.dtype):
        return ops.cast(images, "float32")
    return ops.floor(255.0 * ops.clip(ops.cast(images, "float32"), 0.0, 1.0) + (0.5 if rounded else 0.0))
