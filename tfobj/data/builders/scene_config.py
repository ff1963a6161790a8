"""Configurations of the builders."""

import dataclasses

import tensorflow_datasets as tfds

from tfobj.data.scenes import catalogue

OFFICIAL_SIZES = {"train": 60_000, "test": 10_000, "validation": 10_000}
SHARDS = 8


@dataclasses.dataclass(eq=False)
class SceneConfig(tfds.core.BuilderConfig):
    """Where the examples come from and how many there are.

    Attributes:
        source: str. "generated" (drawn here) or "official" (the released files).
        variant: str. Variant of the family or "".
        seed: int. Base seed of the generator; unused by "official".
        split_sizes: dict from split to number of examples. "official": consecutive records of one file, in the order of
            the dict; empty where the released files decide by themselves.
        num_shards: int. Files per split; 0: TFDS decides by size.
    """

    source: str = "generated"
    variant: str = ""
    seed: int = catalogue.SEED
    split_sizes: dict = dataclasses.field(default_factory=dict)
    num_shards: int = SHARDS


def scene_configs(dataset, variant="", official_sizes=None, official_shards=SHARDS):
    """The configurations of one data set or variant.

    Args:
        dataset: str. Name of the data set; what `tfobj.data.scenes.catalogue` has of it is drawn.
        variant: str. Prefix of the names and `SceneConfig.variant`; "" for none.
        official_sizes: dict as of `SceneConfig.split_sizes`; None: there is no release.
        official_shards: int. Files per split of the official configuration, where its sizes are known.

    Returns:
        list of `SceneConfig`: generated and tiny, official, as far as they exist.
    """
    prefix, drawn, seed = f"{variant}_" if variant else "", catalogue.find(dataset, variant), catalogue.SEED
    configs = []
    if drawn is not None:
        configs += [
            SceneConfig(name=f"{prefix}generated", variant=variant, split_sizes=drawn.sizes("generated"),
                        description=f"Drawn here with seed {seed}."),
            SceneConfig(name=f"{prefix}tiny", variant=variant, split_sizes=drawn.sizes("tiny"), num_shards=1,
                        description=f"The first examples of `{prefix}generated`, for tests and tutorials; seed "
                                    f"{seed}."),
        ]
    if official_sizes is not None:
        configs.append(SceneConfig(name=f"{prefix}official", variant=variant, source="official",
                                   split_sizes=official_sizes,
                                   num_shards=official_shards if official_sizes else 0,
                                   description="The examples of the release."))
    return configs
