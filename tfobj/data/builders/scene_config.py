"""Configurations of the builders."""

import dataclasses

import tensorflow_datasets as tfds

OFFICIAL_SIZES = {"train": 60_000, "test": 10_000, "validation": 10_000}
TINY_SIZES = {"train": 64, "validation": 16, "test": 16}
SEED = 0


@dataclasses.dataclass(eq=False)
class SceneConfig(tfds.core.BuilderConfig):
    """Where the examples come from and how many there are.

    Attributes:
        source: str. "generated" (drawn here) or "official" (the released file).
        variant: str. Variant of the family or "".
        seed: int. Base seed of the generator; unused by "official".
        split_sizes: dict from split to number of examples. "official" takes consecutive records.
        num_shards: int. Files per split.
    """

    source: str = "generated"
    variant: str = ""
    seed: int = SEED
    split_sizes: dict = dataclasses.field(default_factory=dict)
    num_shards: int = 8


def scene_configs(generated_sizes, variant="", official=True):
    """The configurations of one data set or variant.

    Args:
        generated_sizes: dict from split to number of generated examples.
        variant: str. Prefix of the names and `SceneConfig.variant`; "" for none.
        official: bool. Whether a released file exists.

    Returns:
        list of `SceneConfig`: generated, tiny and, if asked for, official.
    """
    prefix = f"{variant}_" if variant else ""
    configs = [
        SceneConfig(name=f"{prefix}generated", variant=variant, split_sizes=generated_sizes,
                    description=f"Drawn here with seed {SEED}."),
        SceneConfig(name=f"{prefix}tiny", variant=variant, split_sizes=TINY_SIZES, num_shards=1,
                    description=f"The first examples of `{prefix}generated`, for tests and tutorials; seed {SEED}."),
    ]
    if official:
        configs.append(SceneConfig(name=f"{prefix}official", variant=variant, source="official",
                                   split_sizes=OFFICIAL_SIZES, description="The first records of the released file."))
    return configs
