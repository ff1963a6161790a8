"""The data doctor for releases that are not one record file: directories, archives, HDF5, episodes."""

import contextlib
import io
import itertools
import os
import tempfile

import numpy as np
from PIL import Image

from tfobj import registry
from tfobj.data import prepared
from tfobj.data.doctor_content import ContentCheck
from tfobj.data.doctor_report import HealthReport
from tfobj.errors import UserError

_ARCHIVES = (".bz2", ".gz", ".tar", ".zip")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def recognise(path):
    """Name of the data set that a file or directory looks like a release of, or None."""
    if os.path.isdir(path):
        return _recognise_directory(path)
    with open(path, "rb") as file:
        return "shapes" if file.read(len(_HDF5)) == _HDF5 else None


def _recognise_directory(path):
    names = set(os.listdir(path))
    if {"recordings", "iseg"} & names:
        return "shapestacks"
    return "clevrtex" if any(name.startswith("clevrtex_") for name in names) else None


def is_release_of_files(dataset):
    """Whether a data set is released as something else than one record file of the multi-object family."""
    builder_class = registry.load(registry.dataset_entry(dataset).path)
    return any(config.source == "official" and not config.split_sizes
               for config in builder_class.builder_configs.values())


def check_release(data_config, path, max_examples=1000):
    """Reads the first examples of each split of a release as `tfobj.prepare` would, without writing anything.

    Args:
        data_config: `tfobj.config.DataConfig`; `dataset` and `dataset_variant` say what it is.
        path: str. The directory that holds the release, or one of its files.
        max_examples: int. Examples per split that are looked at; 0: all.

    Returns:
        Tuple (`HealthReport`, `ContentCheck`).
    """
    report = HealthReport(f"{path}: release of {data_config.dataset}")
    builder = prepared.create_builder(data_config)
    content = ContentCheck(builder.layout.max_objects, "fetch the release again")
    try:
        with _directory_of(path) as directory:
            splits = _splits(builder, data_config, path, directory)
            for split, (total, scenes) in splits.items():
                report.fact(split, f"{total:,} examples")
                _look_at(content, split, itertools.islice(scenes, max_examples or None))
    except UserError as error:
        report.problems.append(str(error))
    report.fact("content examined", f"{content.examined:,} examples")
    content.report_to(report)
    return report, content


def _splits(builder, data_config, path, directory):
    if data_config.dataset == "sketchy" and os.path.isfile(path) and not path.endswith(_ARCHIVES):
        return {"episode": builder.official.episode(path)}
    return builder.official.splits(OfflineFiles(data_config.data_dir), directory, {}, 1)


def _look_at(content, split, scenes):
    for index, scene in enumerate(scenes):
        content.add(f"{split}/{index}", _picture(scene["image"]), _picture(scene.get("mask"), 2),
                    scene.get("visibility"))


@contextlib.contextmanager
def _directory_of(path):
    """The directory itself; for a file, one that holds nothing else: its neighbours may be of other releases."""
    if os.path.isdir(path):
        yield path
        return
    if not os.path.exists(path):
        raise UserError(f"{path}: does not exist; check the path")
    with tempfile.TemporaryDirectory() as directory:
        os.symlink(os.path.abspath(path), os.path.join(directory, os.path.basename(path)))
        yield directory


class OfflineFiles:
    """Stands in for a download manager where nothing may be downloaded.

    Args:
        data_dir: str. Archives are unpacked to its folder `downloads`, as `tfobj.prepare` does.
    """

    offline = True

    def __init__(self, data_dir):
        self.download_dir = os.path.join(os.path.expanduser(data_dir), "downloads")


def _picture(encoded, axes=3):
    """Decodes PNG bytes: uint8 [H,W,C], or [H,W] if `axes` is 2."""
    if encoded is None:
        return None
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    return pixels if pixels.ndim == axes else pixels[..., None]
