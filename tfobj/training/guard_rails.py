"""Runs that cannot begin. Warnings about runs that cannot end well are those of `tfobj.tasks`."""

from tfobj import properties
from tfobj import registry
from tfobj.errors import UserError

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
