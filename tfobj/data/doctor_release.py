"""The data doctor for releases that are not one record file: directories, archives, HDF5, episodes."""

import contextlib
import dataclasses
import io
import itertools
import os
import re
import tempfile

import numpy as np
from PIL import Image

from tfobj import registry
from tfobj.data import doctor_schema
from tfobj.data import prepared
from tfobj.data import tfrecord_files
from tfobj.data.builders import sketchy_files
from tfobj.data.doctor_content import ContentCheck
from tfobj.data.doctor_file import ARCHIVES
from tfobj.data.doctor_report import HealthReport
from tfobj.errors import UserError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SHAPES, _SKETCHY = "shapes", "sketchy"
_SEVERAL_ARCHIVES = ("shapestacks", _SKETCHY)  # and the variant `full` of clevrtex
# Directories and archives of ClevrTex; browsers number the second copy of a file.
_CLEVRTEX = re.compile(rf"clevrtex_({'|'.join(registry.DATASETS['clevrtex'].variants)})"
                       r"(?:(?:_part\d)?(?: ?\(\d+\))?\.tar\.gz)?")
_EPISODE = "episode"
_CROPS = (f", {sketchy_files.CROPS_PER_STEP} of each record: {len(sketchy_files.CROPS)} crops from each of "
          f"{len(sketchy_files.CAMERAS)} cameras")
_ARCHIVE_NAMES = {"clevrtex": r"clevrtex_", "shapestacks": r"shapestacks-(meta|iseg|rgb)\b",
                  _SKETCHY: "|".join(sketchy_files.SUBSETS), "apc": r"training\b", "clevr_properties": r"CLEVR_v1\b"}


def identified(data_config, path):
    """Fills in what the flags leave open about a release.

    Args:
        data_config: `tfobj.config.DataConfig`.
        path: str, of the release or one of its files.

    Returns:
        `DataConfig` of the official configuration; data set and variant by the content or the name of the path.

    Raises:
        UserError: the directory holds several variants.
    """
    dataset, variant = data_config.dataset or recognise(path), data_config.dataset_variant
    if dataset == "clevrtex" and not variant:
        variant = _clevrtex_variant(path)
    return dataclasses.replace(data_config, dataset=dataset, dataset_variant=variant, dataset_config="official")


def _clevrtex_variant(path):
    names = [os.path.basename(os.path.abspath(path))]
    if os.path.isdir(path) and not _CLEVRTEX.fullmatch(names[0]):
        names = [name for folder in (path, os.path.join(path, "clevrtex")) if os.path.isdir(folder)
                 for name in os.listdir(folder)]
    variants = sorted({match[1] for match in map(_CLEVRTEX.fullmatch, names) if match})
    if len(variants) > 1:
        raise UserError(f"{path}: holds several variants of clevrtex ({', '.join(variants)}); choose one with "
                        "--dataset_variant")
    return variants[0] if variants else ""


def recognise(path):
    """Name of the data set that a file or directory looks like a release of, or None."""
    if os.path.isdir(path):
        return _recognise_directory(path)
    with open(path, "rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            return _SHAPES
    if _is_episode(path):
        return _SKETCHY
    name = os.path.basename(path)
    if not name.endswith(ARCHIVES):
        return None
    return next((dataset for dataset, pattern in _ARCHIVE_NAMES.items() if re.match(pattern, name)), None)


def _recognise_directory(path):
    names = {os.path.basename(os.path.abspath(path)), *os.listdir(path)}
    if {"recordings", "iseg"} & names:
        return "shapestacks"
    return "clevrtex" if any(map(_CLEVRTEX.fullmatch, names)) else None


def _is_episode(path):
    """Whether a file is an episode of Sketchy, by its first record."""
    try:
        if tfrecord_files.detect_compression(path):
            return False
        offset, size = next(sketchy_files.walk_steps(path))
    except UserError:  # whoever reads the file will say what is wrong with it
        return False
    with open(path, "rb") as file:
        file.seek(offset)
        features = doctor_schema.features_of(file.read(size))
    return features is not None and doctor_schema.is_sketchy(features)


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
        with _place_of(path, data_config.dataset) as (directory, given):
            splits = _splits(builder, data_config, path, directory, given)
            for split, (total, scenes) in splits.items():
                report.fact(split, f"{total:,} examples{_CROPS if split == _EPISODE else ''}")
                _look_at(content, split, itertools.islice(scenes, max_examples or None))
    except UserError as error:
        report.problems.append(str(error))
    report.fact("content examined", f"{content.examined:,} examples")
    content.report_to(report)
    return report, content


def _splits(builder, data_config, path, directory, given):
    if data_config.dataset == _SKETCHY and given and not path.endswith(ARCHIVES):
        return {_EPISODE: builder.official.episode(path)}
    if given and (data_config.dataset in _SEVERAL_ARCHIVES or len(getattr(builder.official, "archives", ())) > 1):
        raise UserError(f"{path}: the release of {builder.name}/{builder.builder_config.name} consists of several "
                        "archives; give the directory that holds them all, or say with --dataset and --dataset_variant "
                        "what else this is")
    return builder.official.splits(OfflineFiles(data_config.data_dir, given), directory, {}, 1)


def _look_at(content, split, scenes):
    for index, scene in enumerate(scenes):
        content.add(f"{split}/{index}", _picture(scene["image"]), _picture(scene.get("mask"), 2),
                    scene.get("visibility"))


@contextlib.contextmanager
def _place_of(path, dataset):
    """Yields (directory to read, the file that was given or None).

    A file is read without its neighbours, which may be of other releases: the directory is another, empty one. The
    reader of Shapes looks for its file there, under one name. Errors name the path that was given all the same.
    """
    if os.path.isdir(path):
        yield path, None
        return
    if not os.path.exists(path):
        raise UserError(f"{path}: does not exist; check the path")
    with tempfile.TemporaryDirectory() as directory:
        link = os.path.join(directory, "shapes.h5")
        if dataset == _SHAPES:
            os.symlink(os.path.abspath(path), link)
        try:
            yield directory, path
        except UserError as error:
            text = str(error).replace(link, path).replace(directory, os.path.dirname(path) or ".")
            raise UserError(text) from error


class OfflineFiles:
    """Stands in for a download manager where nothing may be downloaded.

    Args:
        data_dir: str. Archives are unpacked to its folder `downloads`, as `tfobj.prepare` does.
        given: str or None. The one archive of the release, whatever its name.
    """

    offline = True

    def __init__(self, data_dir, given=None):
        self.given = given
        self.download_dir = os.path.join(os.path.expanduser(data_dir), "downloads")


def _picture(encoded, axes=3):
    """Decodes PNG bytes: uint8 [H,W,C], or [H,W] if `axes` is 2."""
    if encoded is None:
        return None
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    return pixels if pixels.ndim == axes else pixels[..., None]
