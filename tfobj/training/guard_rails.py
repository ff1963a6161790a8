"""Runs that cannot begin or go on. Warnings about runs that cannot end well are those of `tfobj.tasks`."""

import numpy as np

from tfobj import properties
from tfobj import registry
from tfobj.errors import UserError


def check_batches(phases, eval_batch_size, num_replicas):
    """Refuses batches that devices cannot share.

    Args:
        phases: Sequence of `tfobj.training.phases.Phase`.
        eval_batch_size: int.
        num_replicas: int.

    Raises:
        UserError: a batch is no multiple of the number of replicas.
    """
    sizes = [("--batch_size=", phase.config.batch_size, f" (phase {phase.name})" if phase.name else "")
             for phase in phases]
    for flag, size, where in [*sizes, ("--eval_batch_size=", eval_batch_size, "")]:
        if size % num_replicas:
            raise UserError(f"{flag}{size}{where} cannot be shared by {num_replicas} devices; use a multiple of "
                            f"{num_replicas}")


def check_length(step, train):
    """Refuses to make a run shorter than it is.

    Args:
        step: int. Step of the last checkpoint.
        train: `TrainConfig`.

    Raises:
        UserError: it is longer than asked for.
    """
    if step > train.num_steps:
        how = f"--phases={train.phases}, which make" if train.phases else "--num_steps="
        raise UserError(f"the run is at step {step}, beyond {how}{' ' * bool(train.phases)}{train.num_steps}; choose "
                        "more steps, or another --run_dir")


def check_compilation(model, jit_compile, num_replicas):
    """Refuses what XLA cannot compile: layers of a TensorFlow model that speak to other replicas.

    Args:
        model: Built `SlotModel`.
        jit_compile: bool.
        num_replicas: int.

    Raises:
        UserError: it is asked for.
    """
    if not jit_compile or num_replicas == 1:
        return
    names = [layer.name for layer in model._flatten_layers() if getattr(layer, "synchronized", False)]
    if names:
        raise UserError(f"--jit_compile with {num_replicas} devices cannot compile batch normalisation over all of "
                        f"them ({len(names)} layers of {model.name}, such as {names[0]}); use --nojit_compile, or one "
                        "device")


def sick_terms(terms, limits):
    """Names of the terms of a step that are not finite, or exceed what they may be.

    Args:
        terms: Dict name -> float.
        limits: `term_limits` of a model.

    Returns:
        List of str.
    """
    return [name for name, value in terms.items()
            if not np.isfinite(value) or name in limits and value > limits[name][0]]


def refuse_sick(step, terms, limits, saved):
    """Ends a run whose loss or gradient is not a number, or one of whose terms is too large to come back from.

    Args:
        step: int. The step that was made last.
        terms: Dict name -> float, of that step.
        limits: `term_limits` of the model.
        saved: str or None. Path of the last checkpoint.

    Raises:
        UserError: naming the first such term.
    """
    bad = sick_terms(terms, limits)
    if bad:
        limit, knob = limits.get(bad[0], (np.inf, ""))
        above, remedy = (f", above --{knob}={limit:g}", f"raise --{knob}") if np.inf > terms[bad[0]] > limit else \
            ("", "use --precision=float32")
        raise UserError(f"training stopped at step {step}: {bad[0]} is {terms[bad[0]]:g}{above}; the last good "
                        f"checkpoint is {saved or 'none'}; lower --learning_rate, set --clip_norm, or {remedy}")


def check_frames(experiment, data_config, num_frames):
    """Refuses to feed sequences to a model of single pictures, or single pictures or short sequences to one of them.

    Args:
        experiment: `tfobj.config.ExperimentConfig`, for the model and its configuration.
        data_config: `tfobj.config.DataConfig`.
        num_frames: int. Frames per example that the source gives, 0 for single pictures.

    Raises:
        UserError: the model takes something else.
    """
    model, name = experiment.model, "/".join(filter(None, (data_config.dataset, data_config.dataset_variant)))
    wanted = registry.load(registry.model_entry(model).path).frames_of(experiment.model_config)
    if num_frames and not wanted:
        raise UserError(f"data set {name} has {num_frames} frames per example; {model} takes single images; use "
                        "--sequence_frames=1")
    if num_frames < wanted:
        given = f"{num_frames} frames per example" if num_frames else "single images"
        raise UserError(f"data set {name} has {given}; {model} with these flags takes sequences of {wanted} or more; "
                        "use fewer iterations, or --dataset=objects_room --dataset_variant=sequences")


def check_factors(experiment, data_config, source):
    """Refuses to train a model that learns from the properties of objects on data that do not say them.

    Args:
        experiment: `tfobj.config.ExperimentConfig`, for the model.
        data_config: `tfobj.config.DataConfig`.
        source: See `tfobj.data.source`.

    Raises:
        UserError: the properties are others, or unknown.
    """
    wanted = registry.load(registry.model_entry(experiment.model).path).needs_factors
    if wanted and not says_properties(source):
        raise UserError(f"--model={experiment.model} learns from the size, material, shape, color and place of "
                        f"objects, which --dataset={data_config.dataset} with "
                        f"--dataset_config={data_config.dataset_config} does not say; use --dataset=clevr_properties")


def says_properties(source):
    """Whether a source knows the factors of `tfobj.properties`, with their names for the classes."""
    return source.has_factors and all(tuple(source.class_names.get(factor, ())) == names
                                      for factor, names in properties.CLASSES.items())
