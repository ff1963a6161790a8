"""name -> model and name -> data set. Two dictionaries, no magic; nothing heavy is imported before it is asked for."""

import dataclasses
import importlib

from tfobj import ast_seg_config
from tfobj import config
from tfobj import genesis_config
from tfobj import iodine_config
from tfobj import set_prediction_config
from tfobj import vae_config
from tfobj.errors import UserError


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """Where a model lives.

    Attributes:
        config_class: Frozen dataclass of the model's knobs.
        path: str, `module:Class` of the `ObjectModel`.
    """

    config_class: type
    path: str


@dataclasses.dataclass(frozen=True)
class DatasetEntry:
    """Where a data set's builder lives and what a model must know before any file is read.

    Attributes:
        path: str, `module:Class` of the TFDS builder; empty where no reader exists yet.
        variants: Tuple of str. Names for --dataset_variant, the first is the default; it may be "", a default without a
            name. Empty: no variants.
        max_objects: int, or dict from variant to int. Most foreground objects of a scene.
        summary: str. One line for `prepare --list`.
        version: str. Version of the stored examples, part of their path; raise it when what is stored changes.
    """

    path: str
    variants: tuple
    max_objects: object
    summary: str
    version: str = "1.0.0"


MODELS = {
    "slot_attention": ModelEntry(config.SlotAttentionConfig, "tfobj.models.slot_attention:SlotAttentionAutoencoder"),
    "slot_attention_properties": ModelEntry(set_prediction_config.SlotAttentionPropertiesConfig,
                                            "tfobj.models.set_prediction:SlotAttentionSetPredictor"),
    "slot_mlp": ModelEntry(set_prediction_config.SlotMlpConfig, "tfobj.models.slot_mlp:SlotMlpAutoencoder"),
    "slot_mlp_properties": ModelEntry(set_prediction_config.SlotMlpPropertiesConfig,
                                      "tfobj.models.slot_mlp_properties:SlotMlpSetPredictor"),
    "dspn": ModelEntry(set_prediction_config.DspnConfig, "tfobj.models.dspn:Dspn"),
    "genesis_v2": ModelEntry(genesis_config.GenesisV2Config, "tfobj.models.genesis_v2:GenesisV2"),
    "genesis": ModelEntry(genesis_config.GenesisConfig, "tfobj.models.genesis:Genesis"),
    "monet_g": ModelEntry(genesis_config.MonetGConfig, "tfobj.models.monet_g:MonetG"),
    "iodine": ModelEntry(iodine_config.IodineConfig, "tfobj.models.iodine:Iodine"),
    "ast_seg": ModelEntry(ast_seg_config.AstSegConfig, "tfobj.models.ast_seg:AstSeg"),
    "vae": ModelEntry(vae_config.VaeConfig, "tfobj.models.vae:Vae"),
}

DATASETS = {
    "colored_shapes": DatasetEntry("tfobj.data.builders.colored_shapes:ColoredShapes", (), 3,
                                   "32x32, 2-3 coloured squares, discs, triangles on gray; generated only"),
    "tetrominoes": DatasetEntry("tfobj.data.builders.tetrominoes:Tetrominoes", (), 3,
                                "35x35, 3 tetrominoes on black"),
    "multi_dsprites": DatasetEntry(
        "tfobj.data.builders.multi_dsprites:MultiDsprites",
        ("colored_on_grayscale", "binarized", "colored_on_colored", "colored_on_colored_levels"),
        {"colored_on_grayscale": 5, "binarized": 3, "colored_on_colored": 4, "colored_on_colored_levels": 4},
        "64x64, overlapping sprites; levels: colours as of GENESIS, generated only"),
    "shapes": DatasetEntry("tfobj.data.builders.shapes:Shapes", (), 3, "28x28, 3 overlapping binary outlines"),
    "clevr_masks": DatasetEntry(
        "tfobj.data.builders.clevr_masks:ClevrMasks", ("clevr10", "clevr6", "no_green_spheres"),
        {"clevr10": 10, "clevr6": 6, "no_green_spheres": 10}, "rendered cubes, spheres, cylinders with instance masks"),
    "clevr_properties": DatasetEntry(
        "tfobj.data.builders.clevr_properties:ClevrProperties", (), 10,
        "CLEVR v1.0: the whole frame with the objects' properties, for set prediction"),
    "objects_room": DatasetEntry(
        "tfobj.data.builders.objects_room:ObjectsRoom",
        ("train", "empty_room", "six_objects", "identical_color", "sequences"),
        {"train": 3, "empty_room": 0, "six_objects": 6, "identical_color": 6, "sequences": 3},
        "64x64, a room seen from a turning camera; out-of-distribution sets; 16-frame sequences"),
    "shapestacks": DatasetEntry("tfobj.data.builders.shapestacks:Shapestacks", ("", "unstable"), {"": 6, "unstable": 6},
                                "towers of 2-6 blocks; unstable: towers about to fall, generated only"),
    "clevrtex": DatasetEntry(
        "tfobj.data.builders.clevrtex:Clevrtex", ("full", "outd", "camo", "pbg", "vbg", "grassbg"),
        dict.fromkeys(("full", "outd", "camo", "pbg", "vbg", "grassbg"), 10),
        "textured objects on textured ground; out-of-distribution and camouflage sets"),
    "sketchy": DatasetEntry("tfobj.data.builders.sketchy:Sketchy", (), 0,
                            "128x128 crops of a robot's cameras; no masks, release only"),
    "apc": DatasetEntry("tfobj.data.builders.apc:Apc", (), 1, "128x128, one object on a shelf; release only"),
    "folder": DatasetEntry("", (), 0, "your own PNG/JPEG images, without masks (--image_dir)"),
}


def model_entry(name):
    """Returns the `ModelEntry` of `name`; raises `UserError` listing the models if there is none."""
    if name not in MODELS:
        raise UserError(f"--model={name!r} is unknown; choose one of: {', '.join(sorted(MODELS))}")
    return MODELS[name]


def dataset_entry(name):
    """Returns the `DatasetEntry` of `name`; raises `UserError` listing the data sets if there is none."""
    if name not in DATASETS:
        raise UserError(f"--dataset={name!r} is unknown; choose one of: {', '.join(sorted(DATASETS))}")
    return DATASETS[name]


def dataset_variant(name, variant):
    """Returns the variant that a data set takes when `variant` is asked for.

    Args:
        name: str. Key of `DATASETS`.
        variant: str. Empty for the data set's first.

    Returns:
        str, empty where the data set has no variants or its first has no name.

    Raises:
        UserError: the data set is unknown or has no such variant.
    """
    variants = dataset_entry(name).variants
    if variant and variant not in variants:
        known = f"choose one of: {', '.join(filter(None, variants))}" if variants else "it has none"
        known += "; leave the flag out" if not variants else ", or leave the flag out" if "" in variants else ""
        raise UserError(f"--dataset_variant={variant!r} is no variant of {name}; {known}")
    return variant or (variants[0] if variants else "")


def load(path):
    """Imports `module:Class` and returns the class."""
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)


def build_model(name, model_config, image_shape):
    """Creates and builds a model.

    Args:
        name: str. Key of `MODELS`.
        model_config: Instance of the model's configuration class.
        image_shape: Tuple (H, W, C) of ints.

    Returns:
        A built `tfobj.models.object_model.ObjectModel`.

    Raises:
        UserError: the configuration cannot work with these images.
    """
    # The name is part of the paths under which the optimizer's state is saved.
    model = load(model_entry(name).path)(image_shape=tuple(image_shape), name=name, **dataclasses.asdict(model_config))
    model.build_on_zeros()
    return model
