"""Command-line flags, derived from the configuration dataclasses.

Every field becomes a flag of the same name whose default is None: the value of the experiment file, or else of the
dataclass, holds. A flag that the chosen model does not have is an error.
"""

import dataclasses

from absl import flags

from tfobj import config
from tfobj import registry
from tfobj.data import object_descriptions
from tfobj.errors import UserError
from tfobj.training import phases

SECTIONS = {}
"""Section title -> list of flag names, in the order in which `--help` shows them."""
HELP = {}
"""Section title, flag name -> what the flag means there: models share flags, not defaults."""

# Flags of which one contradicts the other, or does nothing: (test of data and train, what the user reads).
_CONTRADICTIONS = (
    (lambda data, train: train.strategy == "one_device" and train.num_devices > 1,
     "--strategy=one_device contradicts --num_devices={train.num_devices}; use --strategy=mirrored, or one device"),
    (lambda data, train: train.weight_decay and train.optimizer != "adamw",
     "--weight_decay={train.weight_decay} has no effect with --optimizer={train.optimizer}; use --optimizer=adamw"),
    (lambda data, train: train.decay == "cosine" and train.decay_rate > 1.0,
     "--decay_rate={train.decay_rate} with --decay=cosine is the fraction of the learning rate that is left at the "
     "end; choose 0 to 1"),
    (lambda data, train: data.image_dir and data.dataset != "folder",
     "--image_dir={data.image_dir} has no effect with --dataset={data.dataset}; use --dataset=folder"),
    (lambda data, train: data.min_objects > data.max_objects > 0,
     "--min_objects={data.min_objects} is more than --max_objects={data.max_objects}: no scene is left; lower it, or "
     "use --max_objects=0 for no limit"),
    (lambda data, train: data.sequence_frames and data.dataset == "folder",
     "--sequence_frames={data.sequence_frames} has no effect with --dataset=folder; leave it out"),
    (lambda data, train: data.splits == "stored" and data.dataset == "folder",
     "--splits=stored has no effect with --dataset=folder; leave it out"),
)


def define_config_flags(config_class, title=None):
    """Defines one flag per field of a configuration class; fields that are defined already are shared.

    Args:
        config_class: Dataclass whose fields were made by `tfobj.config.knob`.
        title: str or None. Heading in `--help`. Defaults to the first line of the class's docstring.
    """
    title = title or title_of(config_class)
    section = SECTIONS.setdefault(title, [])
    for field in dataclasses.fields(config_class):
        if field.name not in flags.FLAGS:
            _define(field)
        if field.name not in section:
            section.append(field.name)
        HELP[title, field.name] = _help(field)


def title_of(config_class):
    """Heading in `--help` of a configuration class: the first line of its docstring."""
    return config_class.__doc__.splitlines()[0]


def sections_of_other_models(model):
    """Titles that `--help` leaves out when `--model` is given: those of the other models."""
    titles = {name: title_of(entry.config_class) for name, entry in registry.MODELS.items()}
    return set(titles.values()) - {titles[model]} if model in titles else set()


def define_experiment_flags():
    """Defines `--model` and the flags of the data, of training and of every registered model."""
    flags.DEFINE_string("model", None, f"Model: {', '.join(registry.MODELS)}.")
    SECTIONS.setdefault("The model", []).append("model")
    define_config_flags(config.DataConfig)
    define_config_flags(config.TrainConfig)
    for entry in registry.MODELS.values():
        define_config_flags(entry.config_class)


def define_test_time_flags():
    """Defines the flags of all models with which a trained model may be used differently."""
    section = SECTIONS.setdefault("The model, where it shall differ from its training", [])
    for entry in registry.MODELS.values():
        for field in dataclasses.fields(entry.config_class):
            if field.metadata["at_test_time"] and field.name not in flags.FLAGS:
                _define(field, "as trained")
                section.append(field.name)


def read_test_time_changes():
    """The flags of `define_test_time_flags` that were set: dict name -> value.

    Raises:
        UserError: a value is outside the field's bounds.
    """
    fields = {field.name: field for entry in registry.MODELS.values()
              for field in dataclasses.fields(entry.config_class) if field.metadata["at_test_time"]}
    return {name: _checked(field, flags.FLAGS[name].value) for name, field in fields.items()
            if flags.FLAGS[name].value is not None}


def read_config(config_class):
    """Builds a configuration from the flags that were set.

    Args:
        config_class: Dataclass whose flags were defined.

    Returns:
        An instance; fields without a set flag keep their default.

    Raises:
        UserError: a value is outside the field's bounds.
    """
    values = {field.name: _checked(field, flags.FLAGS[field.name].value) for field in dataclasses.fields(config_class)
              if flags.FLAGS[field.name].value is not None}
    return config_class(**values)


def read_experiment():
    """Builds the `ExperimentConfig` that the flags describe; a data set with variants gets its variant by name.

    Raises:
        UserError: no or an unknown model, data set or variant, a value out of bounds, a flag of another model, or
            flags that contradict each other.
    """
    name = flags.FLAGS.model
    if not name:
        raise UserError("no model was chosen; give --flagfile=experiments/NAME.flags, or --model=NAME and "
                        "--dataset=NAME")
    entry = registry.model_entry(name)
    refuse_foreign_flags(f"--model={name}", [entry.config_class],
                         [other.config_class for other in registry.MODELS.values()],
                         shared=[config.DataConfig, config.TrainConfig])
    data = read_config(config.DataConfig)
    if not data.dataset:
        raise UserError(f"no data set was chosen; give --dataset=NAME, one of: {', '.join(sorted(registry.DATASETS))}")
    # The name is part of what a resumed run must agree with, whether it was given or not.
    data = dataclasses.replace(data, dataset_variant=registry.dataset_variant(data.dataset, data.dataset_variant))
    train = read_config(config.TrainConfig)
    phases.check_names(train, name, getattr(entry.config_class, "PHASES", ()),
                       getattr(entry.config_class, "PRECOMPUTABLE", {}))
    train = phases.with_num_steps(train)
    if flags.FLAGS.num_steps not in (None, train.num_steps):
        raise UserError(f"--num_steps={flags.FLAGS.num_steps} contradicts --phases={train.phases}, whose steps "
                        f"make {train.num_steps}; change the steps of --phases, or leave one of them out")
    _refuse_contradictions(data, train)
    return config.ExperimentConfig(name, read_config(entry.config_class), data, train)


def refuse_foreign_flags(chosen, own, others, shared=()):
    """Refuses flags that were set but belong to something else than what was chosen.

    Args:
        chosen: str. What was chosen, for the message.
        own: Sequence of its configuration classes.
        others: Sequence of the classes of all that there is to choose from.
        shared: Sequence of classes whose flags go with every choice.

    Raises:
        UserError: naming the first such flag, and those that there are.
    """
    names = _names(own)
    for name in _names(others):
        if name not in names and name not in _names(shared) and flags.FLAGS[name].value is not None:
            raise UserError(f"--{name} is no flag of {chosen}; it has: {', '.join(sorted(names)) or 'none'}")


def _refuse_contradictions(data, train):
    for is_wrong, message in _CONTRADICTIONS:
        if is_wrong(data, train):
            raise UserError(message.format(data=data, train=train))
    for flag in object_descriptions.FLAGS:
        object_descriptions.parse_descriptions(data, flag)


def _names(classes):
    return [field.name for config_class in classes for field in dataclasses.fields(config_class)]


def _help(field, default=None):
    return field.metadata["help"] + f" (default: {default or _shown(field.default)})"


def _define(field, default=None):
    help_text = _help(field, default)
    if isinstance(field.default, bool):
        flags.DEFINE_bool(field.name, None, help_text)
    elif isinstance(field.default, int):
        flags.DEFINE_integer(field.name, None, help_text)
    elif isinstance(field.default, float):
        flags.DEFINE_float(field.name, None, help_text)
    elif isinstance(field.default, tuple):
        flags.DEFINE_list(field.name, None, help_text)
    elif field.metadata["choices"]:
        flags.DEFINE_enum(field.name, None, field.metadata["choices"], help_text)
    else:
        flags.DEFINE_string(field.name, None, help_text)


def _shown(value):
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "by the model"
    return {True: "true", False: "false", "": "none"}.get(value, value) if isinstance(value, (bool, str)) else value


def _checked(field, value):
    if isinstance(field.default, tuple):
        value = _numbers(field, value)
    for number in value if isinstance(value, tuple) else (value,):
        config.check_bounds(field, number, f"--{field.name}={_shown(value)}")
    return value


_NUMBERS = (3, 5)  # an example of a list


def _numbers(field, words):
    if not words:
        raise UserError(f"--{field.name}= is empty; give at least one whole number, such as "
                        f"{_shown(field.default or _NUMBERS)}")
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise UserError(f"--{field.name}={','.join(words)} is no comma-separated list of whole numbers, "
                        f"such as {_shown(field.default or _NUMBERS)}") from None
