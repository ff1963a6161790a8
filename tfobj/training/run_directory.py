"""The run directory: everything a run needs to be repeated, written before step 0, and the way back to its model.

    config.json      resolved configuration, image shape, data fingerprint, versions
    command.txt      the command line that created the run
    checkpoints/     recent checkpoints
    best/            the checkpoint with the best validation score, and best.json
    tensorboard/     event files
    metrics.jsonl    one line of scalars per log or validation
"""

import dataclasses
import json
import pathlib
import platform
import shlex
import sys

import tfobj
from tfobj import config as configuration
from tfobj import registry
from tfobj.errors import UserError

# Knobs that do not change what a run computes, so that a resumed run may change them.
FREE_KNOBS = frozenset((
    "data_dir", "manual_dir", "image_dir", "strategy", "num_devices", "steps_per_loop", "log_every", "validate_every",
    "picture_every", "checkpoint_every", "keep_checkpoints", "validation_examples", "eval_batch_size"))


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


def prepare_run(run_dir, experiment, image_shape, fingerprint, write=True):
    """Creates a run directory, or checks that the one that exists belongs to the same run.

    Args:
        run_dir: str or path.
        experiment: `ExperimentConfig`.
        image_shape: Tuple (H, W, C) that the model sees.
        fingerprint: Dict of JSON values.
        write: bool. False on later workers, which only check.

    Returns:
        `pathlib.Path`.

    Raises:
        UserError: the directory holds another run, or cannot be written.
    """
    directory = pathlib.Path(run_dir)
    content = _description(experiment, image_shape, fingerprint)
    if (directory / "config.json").exists():
        _refuse_other_run(directory, content)
    if write:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write_json(directory / "config.json", content)
            if not (directory / "command.txt").exists():
                (directory / "command.txt").write_text(shlex.join(sys.argv) + "\n")
        except OSError as error:
            raise UserError(f"--run_dir={run_dir} cannot be written: {error.strerror}; choose another directory") from None
    return directory


def read_run(run_dir):
    """Reads the description of a run without its weights.

    Raises:
        UserError: there is no run, or its description cannot be read.
    """
    directory = pathlib.Path(run_dir)
    path = directory / "config.json"
    if not path.is_file():
        raise UserError(f"--run_dir={run_dir} holds no run ({path} does not exist); give the directory that "
                        "tfobj.train wrote, e.g. --run_dir=runs/quickstart")
    try:
        return _run_of(directory, json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged or of another version of tfobj ({error}); train again or restore the file"
                        ) from None


def load_run(run_dir, checkpoint="best"):
    """Rebuilds the model of a run, on one device, with its trained weights.

    Args:
        run_dir: str or path.
        checkpoint: str. `best` (by validation score; the latest where no validation took place) or `latest`.

    Returns:
        `Run` with `model` and `step`.

    Raises:
        UserError: no run, no checkpoint, or a checkpoint of another model.
    """
    from tfobj.training import checkpoints

    run = read_run(run_dir)
    path = checkpoints.find(run.directory, checkpoint)
    model = registry.build_model(run.config.model, run.config.model_config, run.image_shape)
    step = checkpoints.restore_model(model, path)
    return dataclasses.replace(run, model=model, step=step)


def _description(experiment, image_shape, fingerprint):
    versions = {"tfobj": tfobj.__version__, "python": platform.python_version()}
    for name in ("tensorflow", "keras", "numpy"):
        if name in sys.modules:
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
    free = set(FREE_KNOBS)
    train = wanted["train"]
    if train["decay"] != "cosine" or train["decay_steps"]:
        free.add("num_steps")  # the schedule does not depend on where the run ends
    changes = [f"model: {before['model']} -> {wanted['model']}"] if before["model"] != wanted["model"] else []
    for group in ("model_config", "data", "train", "data_fingerprint"):
        for name in sorted(set(before[group]) | set(wanted[group])):
            old, new = before[group].get(name), wanted[group].get(name)
            if old != new and name not in free:
                changes.append(f"{name}: {old} -> {new}")
    if changes:
        raise UserError(f"--run_dir={directory} holds another run ({'; '.join(changes)}); choose another --run_dir, "
                        "or repeat the flags that the run was started with to resume it")
