"""On which data a finished run is scored: those of its training, or others that its model takes."""

import dataclasses
import re

from tfobj import registry
from tfobj.errors import UserError
from tfobj.training import guard_rails

# Fields of `DataConfig` that change what is scored -> how they appear in a file name.
_LABELS = {"preprocessing": "", "image_size": "size", "splits": "splits_", "sequence_frames": "frames",
           "min_objects": "min", "max_objects": "max", "exclude_objects": "without_",
           "require_objects": "with_"}


def changed(data_config, changes):
    """The `DataConfig` of a run with some fields changed.

    Args:
        data_config: `tfobj.config.DataConfig`.
        changes: dict from field to value, None for no change. Another data set without a variant means its first.

    Returns:
        `DataConfig`.

    Raises:
        UserError: the data set or the variant is unknown.
    """
    changes = {field: value for field, value in changes.items() if value is not None}
    if changes.get("dataset", data_config.dataset) != data_config.dataset:
        changes.setdefault("dataset_variant", "")
    data = dataclasses.replace(data_config, **changes)
    return dataclasses.replace(data, dataset_variant=registry.dataset_variant(data.dataset, data.dataset_variant))


def check_source(run, data_config, source):
    """Checks that opened data are what a run was trained on or, where others were chosen, that its model takes them.

    Args:
        run: `tfobj.training.run_directory.Run`.
        data_config: `DataConfig` of the opened data.
        source: As described in `tfobj.data.source`.

    Raises:
        UserError: they are not, or it does not.
    """
    guard_rails.check_frames(run.config, data_config, source.num_frames)
    as_trained = name(data_config) == name(run.config.data)
    if tuple(source.image_shape) != tuple(run.image_shape):
        remedy = ("restore the data set or give --data_dir" if as_trained else
                  "choose another data set, or bring the images to that size with --image_size")
        raise UserError(f"--run_dir={run.directory} was trained on images of shape {tuple(run.image_shape)}, but "
                        f"{name(data_config)} has {tuple(source.image_shape)}; {remedy}")
    if as_trained and source.fingerprint() != run.fingerprint:
        raise UserError(f"--run_dir={run.directory} was trained on other data than what is now in "
                        f"{data_config.data_dir} (the fingerprints differ); restore the data set, or give --data_dir "
                        "or --image_dir")


def name(data_config):
    """Data set, variant where there is one, and configuration: str such as `objects_room/six_objects/generated`.

    A folder has no configurations: its name is `folder`.
    """
    if data_config.dataset == "folder":
        return data_config.dataset
    return "/".join(filter(None, (data_config.dataset, data_config.dataset_variant, data_config.dataset_config)))


def suffix(trained, data_config):
    """What differs from the training's `DataConfig`, for a file name: str such as `_tetrominoes_generated_max2`."""
    text = "" if name(data_config) == name(trained) else "_" + name(data_config).replace("/", "_")
    for field, label in _LABELS.items():
        value = getattr(data_config, field)
        if value != getattr(trained, field):
            text += f"_{label}{re.sub('[^A-Za-z0-9]+', '-', str(value)) or 'nothing'}"
    return text
