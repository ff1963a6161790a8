"""Runs that cannot begin, and warnings about runs that train without error and yet cannot end well."""

from tfobj import registry
from tfobj.errors import UserError

ALIKE = 0.9
"""`slots_alike` above which all slots are said to do the same; a model that separates objects stays below 0.5."""


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


def before_training(missing_slots, num_slots, dataset):
    """Warns when there are fewer slots than things to find.

    Args:
        missing_slots: int. How many more slots the fullest scene would need, its background included.
        num_slots: int. K.
        dataset: str. Name for the message.

    Returns:
        List of str.
    """
    if missing_slots:
        wanted = num_slots + missing_slots
        return [f"num_slots={num_slots}, but {dataset} shows up to {wanted - 1} objects and a background: some will "
                f"share a slot; use --num_slots={wanted}"]
    return []


def after_validation(scores):
    """Warns about dead slots and about slots that all do the same.

    Args:
        scores: What `Evaluator.run` returned.

    Returns:
        List of str.
    """
    warnings = []
    num_slots = len(scores["slot_usage"])
    if scores["dead_slots"]:
        dead = [str(k) for k, usage in enumerate(scores["slot_usage"]) if usage == 0]
        warnings.append(f"{len(dead)} of {num_slots} slots (number {', '.join(dead)}) own no pixel in any of "
                        f"{scores['num_images']} validation images; fewer slots, a longer warm-up or another --seed "
                        "may help")
    if num_slots > 1 and scores["slots_alike"] > ALIKE:
        warnings.append(f"all slots do nearly the same (similarity {scores['slots_alike']:.2f} of 1): the model has "
                        "not separated objects; if this lasts, use another --seed or a longer warm-up")
    return warnings
