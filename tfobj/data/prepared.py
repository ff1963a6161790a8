"""Prepared data sets: where they lie, whether they are there, how they are built, opened and told apart."""

import contextlib
import errno
import fcntl
import io
import os
import shutil

import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf import json_format

from tfobj import registry
from tfobj.data import fingerprints
from tfobj.data import locations
from tfobj.data.build_progress import BuildProgress
from tfobj.errors import UserError

_STAGING = ".incomplete"
# (data set, variant that was never released) -> what to do instead.
_INSTEAD = {
    ("clevr_masks", "clevr6"): "the release is clevr10: prepare it with --dataset_variant=clevr10, and train on it "
                               "with --max_objects=6, as the papers do",
    ("clevr_masks", "no_green_spheres"): "the release is clevr10, which numbers its colours and shapes",
    ("shapestacks", "unstable"): "the release holds both kinds of towers: leave --dataset_variant out",
}
_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


def create_builder(data_config, **kwargs):
    """The builder of a data set, prepared or not.

    Args:
        data_config: `tfobj.config.DataConfig`; `dataset`, `dataset_variant`, `dataset_config`, `data_dir` are used.
        **kwargs: Passed to the builder, e.g. `data_dir`, `workers`, `split_sizes`.

    Returns:
        `tfobj.data.builders.scene_builder.SceneBuilder`.

    Raises:
        UserError: unknown data set, variant or configuration, no builder for it, or a damaged description on disk.
    """
    entry, name = registry.dataset_entry(data_config.dataset), locations.config_name(data_config)
    if not entry.path:
        raise UserError(f"--dataset={data_config.dataset} cannot be prepared: {entry.summary}")
    builder_class = registry.load(entry.path)
    if name not in builder_class.builder_configs:
        raise UserError(_no_such_source(data_config, builder_class.builder_configs.values()))
    return _construct(builder_class, name, {"data_dir": locations.data_dir(data_config), **kwargs})


def _construct(builder_class, config_name, kwargs):
    try:
        return builder_class(config=config_name, **kwargs)
    except (json_format.ParseError, ValueError) as error:  # TFDS reads the description of a set that is there
        directory = os.path.join(kwargs["data_dir"], builder_class.name, config_name, str(builder_class.VERSION))
        raise UserError(f"{directory}/dataset_info.json cannot be read ({type(error).__name__}); delete the directory "
                        "and prepare the data set again") from error


def _no_such_source(data_config, configs):
    """The error of a --dataset_config that a data set, or one of its variants, does not have."""
    dataset, wanted = data_config.dataset, data_config.dataset_config
    variant = registry.dataset_variant(dataset, data_config.dataset_variant)
    sources = sorted({config.name.rsplit("_", maxsplit=1)[-1] for config in configs if config.variant == variant})
    named = f"{dataset} --dataset_variant={variant}" if variant else dataset
    text = f"--dataset_config={wanted!r} does not exist for {named}; choose one of: {', '.join(sources)}"
    released = ", ".join(config.variant for config in configs if config.source == "official")
    if wanted != "official" or (dataset, variant) not in _INSTEAD and not released:
        return text
    return f"{text}; {_INSTEAD.get((dataset, variant), f'there is a release of the variants {released}')}"


def is_prepared(builder):
    """Whether the directory of a builder holds a complete set; a set appears there only when it is complete."""
    return os.path.isfile(os.path.join(os.fspath(builder.data_path), "dataset_info.json"))


def open_prepared(data_config):
    """Opens a prepared set.

    Args:
        data_config: `tfobj.config.DataConfig`.

    Returns:
        The builder; `builder.info.splits`, `builder.info.features` and `builder.as_dataset` describe what is on disk.

    Raises:
        UserError: as `create_builder`, or the set is not prepared.
    """
    builder = create_builder(data_config)
    if not is_prepared(builder):
        raise UserError(f"data set {builder.name}/{builder.builder_config.name} is not prepared in "
                        f"{locations.data_dir(data_config)}; run `{locations.prepare_command(data_config)}`")
    return builder


def prepare_dataset(data_config, workers=1, progress=False, overwrite=False, split_sizes=None):
    """Builds a set if it is not there yet.

    It is built in a directory of its own and moved into place when complete, so neither a kill nor a second process
    that wants the same set can leave or see half of it; the second one waits.

    Args:
        data_config: `tfobj.config.DataConfig`; also `manual_dir` is used.
        workers: int. Processes that draw scenes; the result does not depend on it.
        progress: bool. Show progress bars.
        overwrite: bool. Build again even if the set is there; the old one is replaced at the very end.
        split_sizes: dict from split to int or None. Other numbers of examples than the configuration's.

    Returns:
        The builder of the prepared set.

    Raises:
        UserError: as `create_builder`; the original file is missing or damaged; the directory cannot be written.
    """
    builder = create_builder(data_config)
    if is_prepared(builder) and not overwrite:
        return builder
    staging = os.path.join(locations.data_dir(data_config), _STAGING, f"{builder.name}-{builder.builder_config.name}")
    try:
        with _exclusive(staging):
            if overwrite or not is_prepared(builder):
                _build(data_config, builder, staging, workers, progress, split_sizes)
    except UserError:
        raise
    except Exception as error:
        cause = _disk_error(error)
        if cause is None:
            raise
        raise UserError(f"--data_dir={data_config.data_dir}: {getattr(cause, 'filename', '') or 'the data set'} cannot "
                        f"be written ({_reason(cause)}); free space or choose another directory") from error
    return create_builder(data_config)


def _disk_error(error):
    """What of an error and its causes says that the disk refused; None if nothing does.

    TFDS writes through TensorFlow, which has errors of its own, and wraps them in `RuntimeError`.
    """
    link, seen = error, set()
    while link is not None and id(link) not in seen:
        if isinstance(link, (tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError)):
            return link
        if isinstance(link, OSError) and link.errno in _DISK_ERRNOS:
            return link
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return error if isinstance(error, OSError) else None


def _reason(error):
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    return " ".join(text.split())


@contextlib.contextmanager
def _exclusive(staging):
    """Holds the lock of a staging directory and leaves nothing there; what a killed process left is removed first."""
    with _locked(f"{staging}.lock") as lock:
        shutil.rmtree(staging, ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(lock.name)  # while it is held: who waits for it sees that it is gone
                os.rmdir(os.path.dirname(staging))  # fails while other sets are being built


def _locked(path):
    """Opens and locks a file that whoever holds it may delete."""
    while True:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            lock = open(path, "w", encoding="utf-8")
        except (FileExistsError, FileNotFoundError):
            if os.path.isfile(os.path.dirname(path)):
                raise
            continue  # the directory was deleted just now
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), os.stat(path)):
                return lock
        lock.close()


def _build(data_config, builder, staging, workers, progress, split_sizes):
    tfds.disable_progress_bar()
    with BuildProgress() if progress else contextlib.nullcontext() as report:
        staged = create_builder(data_config, data_dir=staging, workers=workers, progress=report,
                                split_sizes=split_sizes, manual_dir=locations.manual_dir(data_config))
        num_shards = min([builder.builder_config.num_shards, *staged.split_sizes.values()])
        download = tfds.download.DownloadConfig(num_shards=num_shards or None, try_download_gcs=False)
        with contextlib.redirect_stdout(io.StringIO()):  # TFDS announces the staging directory
            staged.download_and_prepare(download_dir=os.path.join(locations.data_dir(data_config), "downloads"),
                                        download_config=download)
    _move_into_place(os.fspath(staged.data_path), os.fspath(builder.data_path))


def _move_into_place(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(target):
        # Renamed before it is deleted, so that the place is never occupied by a half-deleted set.
        os.replace(target, f"{source}.replaced")
    os.replace(source, target)


def catalogue(data_config):
    """Every configuration of every data set that has a builder.

    Args:
        data_config: `tfobj.config.DataConfig`; `data_dir` is used.

    Returns:
        dict from name of the data set to a list of builders, prepared or not.
    """
    builders = {}
    for name, entry in registry.DATASETS.items():
        builder_class = registry.load(entry.path) if entry.path else None
        configs = builder_class.builder_configs if builder_class else ()
        kwargs = {"data_dir": locations.data_dir(data_config)}
        builders[name] = [_construct(builder_class, config, kwargs) for config in configs]
    return builders


def fingerprint(builder):
    """Tells two prepared sets apart; goes into the run directory and is compared on resume.

    Args:
        builder: A prepared builder, as of `open_prepared`.

    Returns:
        dict, see `tfobj.data.fingerprints`.
    """
    config, sizes = builder.builder_config, {name: info.num_examples for name, info in builder.info.splits.items()}
    described = builder.name, config.name, str(builder.version)
    if getattr(config, "source", "") == "generated":
        return fingerprints.of_drawn(*described, config.seed, sizes)
    return fingerprints.of_files(os.fspath(builder.data_path), *described, sizes)
