"""The run directory: everything a run needs to be repeated, written before step 0, and the way back to its model.

    config.json      resolved configuration, image shape, data fingerprint, versions
    command.txt      the command lines that started or resumed the run
    checkpoints/     recent checkpoints, ckpt-<step>.npz; `tfobj.training.checkpoints` says what they hold
    best/            the checkpoint with the best validation score, and best.json
    tensorboard/     event files
    pictures/        what the model made of some validation images, as PNG
    metrics.jsonl    one line of scalars per log or validation
    precomputed/     while a phase lasts, what it computes once, see `tfobj.training.precomputed`
    training_time.json   seconds of all processes
"""

import dataclasses
import fcntl
import json
import pathlib
import platform
import shlex
import sys

import tfobj
from tfobj import config as configuration
from tfobj import registry
from tfobj.errors import UserError
from tfobj.training import phases

# Knobs that do not change what a run computes, so that a resumed run may change them.
FREE_KNOBS = frozenset((
    "data_dir", "manual_dir", "image_dir", "input", "strategy", "num_devices", "steps_per_loop", "log_every",
    "validate_every", "picture_every", "checkpoint_every", "keep_checkpoints", "validation_examples",
    "eval_batch_size", "max_objective"))


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished or interrupted run.

    Attributes:
        directory: `pathlib.Path`.
        config: `tfobj.config.ExperimentConfig`, as resolved when the run started.
        image_shape: Tuple (H, W, C).
        fingerprint: Dict, what data the run was trained on.
        model: The model with restored weights, or None if only the description was read.
        step: int, the step of the weights, or None.
    """

    directory: pathlib.Path
    config: configuration.ExperimentConfig
    image_shape: tuple
    fingerprint: dict
    model: object = None
    step: int = None


def write_json(path, value):
    """Writes a JSON file under a temporary name and renames it, so that a reader never sees half of it."""
    path = pathlib.Path(path)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    temporary.replace(path)


def check_run(run_dir, experiment, image_shape, fingerprint):
    """Checks that a run directory, if it exists, belongs to this run. Writes nothing.

    Args:
        run_dir: str or path.
        experiment: `ExperimentConfig`.
        image_shape: Tuple (H, W, C) that the model sees.
        fingerprint: Dict of JSON values.

    Returns:
        `pathlib.Path`.

    Raises:
        UserError: the directory holds another run.
    """
    directory = pathlib.Path(run_dir)
    if (directory / "config.json").exists():
        _refuse_other_run(directory, _description(experiment, image_shape, fingerprint))
    return directory


def write_run(run_dir, experiment, image_shape, fingerprint):
    """Writes the description of a run, or brings that of a resumed run up to date; arguments as for `check_run`.

    The versions with which the run was started stay; others with which it was resumed are added.

    Raises:
        UserError: the directory cannot be written.
    """
    directory = pathlib.Path(run_dir)
    content = _description(experiment, image_shape, fingerprint)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if (directory / "config.json").exists():
            before = json.loads((directory / "config.json").read_text())
            later = before.get("resumed_with", [])
            if content["versions"] not in (before["versions"], *later):
                later = [*later, content["versions"]]
            content.update(versions=before["versions"], resumed_with=later)
        write_json(directory / "config.json", content)
        with (directory / "command.txt").open("a") as file:
            file.write(shlex.join(sys.argv) + "\n")
    except OSError as error:
        raise UserError(f"--run_dir={run_dir} cannot be written: {error.strerror}; choose another directory") from None


def lock_run(run_dir):
    """Makes sure that no second process trains in the same directory.

    Args:
        run_dir: `pathlib.Path` that exists.

    Returns:
        The open lock file; the lock ends with the process or when the file is closed.

    Raises:
        UserError: another process holds it.
    """
    file = (pathlib.Path(run_dir) / ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(f"another process is training in --run_dir={run_dir}; wait for it, stop it, or choose another "
                        "directory") from None
    except OSError:
        pass  # a file system without locks
    return file


def read_run(run_dir, model_changes=None):
    """Reads the description of a run without its weights.

    Args:
        run_dir: str or path.
        model_changes: dict or None. Fields of the model's configuration that shall differ from training.

    Returns:
        `Run` without `model` and `step`.

    Raises:
        UserError: there is no run, its description cannot be read, or its model has no such field.
    """
    directory = pathlib.Path(run_dir)
    path = directory / "config.json"
    if not path.is_file():
        raise UserError(f"--run_dir={run_dir} holds no run ({path} does not exist); give the directory that "
                        "tfobj.train wrote, e.g. --run_dir=runs/quickstart")
    try:
        run = _run_of(directory, json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged or of another version of tfobj ({error}); train again or restore the file"
                        ) from None
    return _with_model_changes(run, model_changes or {})


def load_run(run_dir, checkpoint="best", model_changes=None):
    """Rebuilds the model of a run, on one device, with its trained weights.

    Args:
        run_dir: str or path.
        checkpoint: str. `best` (by validation score; the latest where no validation took place) or `latest`.
        model_changes: dict or None. Fields of the model's configuration that shall differ from training.

    Returns:
        `Run` with `model` and `step`.

    Raises:
        UserError: no run, no checkpoint, a checkpoint of another model, or a field that the model does not have.
    """
    from tfobj.training import checkpoints

    run = read_run(run_dir, model_changes)
    path = checkpoints.find(run.directory, checkpoint)
    model = registry.build_model(run.config.model, run.config.model_config, run.image_shape)
    step = checkpoints.restore_model(model, path)
    return dataclasses.replace(run, model=model, step=step)


def _with_model_changes(run, changes):
    model_config = run.config.model_config
    for name in changes:
        if not hasattr(model_config, name):
            raise UserError(f"--{name} is no flag of --model={run.config.model}, which --run_dir={run.directory} is; "
                            "leave it out")
    model_config = dataclasses.replace(model_config, **changes)
    return dataclasses.replace(run, config=dataclasses.replace(run.config, model_config=model_config))


def _description(experiment, image_shape, fingerprint):
    versions = {"tfobj": tfobj.__version__, "python": platform.python_version()}
    for name in ("tensorflow", "jax", "keras", "numpy"):
        if sys.modules.get(name) is not None:
            versions[name] = sys.modules[name].__version__
    return {"model": experiment.model, "model_config": dataclasses.asdict(experiment.model_config),
            "data": dataclasses.asdict(experiment.data), "train": dataclasses.asdict(experiment.train),
            "image_shape": list(image_shape), "data_fingerprint": fingerprint, "versions": versions}


def _run_of(directory, content):
    model_class = registry.model_entry(content["model"]).config_class
    experiment = configuration.ExperimentConfig(
        content["model"], model_class(**_immutable(content["model_config"])),
        configuration.DataConfig(**_immutable(content["data"])),
        configuration.TrainConfig(**_immutable(content["train"])))
    return Run(directory, experiment, tuple(content["image_shape"]), content.get("data_fingerprint", {}))


def _immutable(values):
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _refuse_other_run(directory, content):
    found = read_run(directory)
    before = _description(found.config, found.image_shape, found.fingerprint)
    wanted = json.loads(json.dumps(content))
    before = json.loads(json.dumps(before))
    train = configuration.TrainConfig(**_immutable(wanted["train"]))
    free = FREE_KNOBS | phases.free_knobs(found.config.train, train, FREE_KNOBS)
    if before["model"] != wanted["model"]:
        raise UserError(f"--run_dir={directory} holds a run of another model, {before['model']}, not "
                        f"{wanted['model']}; choose another --run_dir")
    changes = []
    for group in ("model_config", "data", "train", "data_fingerprint"):
        for name in sorted(set(before[group]) | set(wanted[group])):
            old, new = before[group].get(name), wanted[group].get(name)
            if old != new and name not in free:
                changes.append(f"{name}: {old} -> {new}")
    if changes:
        raise UserError(f"--run_dir={directory} holds another run ({'; '.join(changes)}); choose another --run_dir, "
                        "or repeat the flags that the run was started with to resume it")
