"""The options of the analyses; every field is a flag of `python -m tfobj.evaluate`. Imports nothing heavy."""

import dataclasses

from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class IterationsOptions:
    """No flags of its own: --num_iterations says how far it goes."""


@dataclasses.dataclass(frozen=True)
class SlotsOptions:
    """With how many slots."""

    slots: tuple = knob((3, 5, 7, 9, 11), "Numbers of slots K to score.", minimum=1)


@dataclasses.dataclass(frozen=True)
class PrecisionOptions:
    """With how many iterations."""

    test_iterations: tuple = knob((), "Numbers of iterations to score. Not given: from T of the training to T + 4 for "
                                  "Slot Attention (3 to 7), and T, 2 T and 3 T for DSPN (10, 20, 30).", minimum=0)


@dataclasses.dataclass(frozen=True)
class ObjectsOptions:
    """On which scenes."""

    object_counts: tuple = knob((6, 7, 8, 9, 10), "Numbers of objects, and of slots, to score.", minimum=1)


@dataclasses.dataclass(frozen=True)
class FactorsOptions:
    """How the linear layer is trained."""

    probe_examples: int = knob(10_000, "Training images that the probe learns from, the first ones.", minimum=1)
    probe_steps: int = knob(10_000, "Optimizer steps of the probe.", minimum=1)
    probe_batch_size: int = knob(256, "Images per step of the probe.", minimum=1)
    probe_learning_rate: float = knob(1e-3, "Adam's learning rate for the probe.", minimum=0.0)


@dataclasses.dataclass(frozen=True)
class TraversalsOptions:
    """Which dimensions of which slot, and how far."""

    image_index: int = knob(0, "Position of the image in the split, after the filters.", minimum=0)
    slot: int = knob(0, "Slot to change, numbered from 1 as in pictures; 0: the one with the largest KL, or else the "
                     "one with most of the objects' pixels.", minimum=0)
    num_dims: int = knob(8, "Latent dimensions to show, those with the largest mean KL, or else variance.", minimum=1)
    num_values: int = knob(9, "Values of each dimension.", minimum=2)
    extent: float = knob(1.25, "The values go from minus this to this; for slots without a prior in standard "
                         "deviations around the mean.", minimum=0.0)


@dataclasses.dataclass(frozen=True)
class MultistabilityOptions:
    """Which image, how often, and what counts as equal."""

    image_index: int = knob(0, "Position of the image in the split, after the filters.", minimum=0)
    num_seeds: int = knob(100, "Noise seeds, from --noise_seed on.", minimum=2)
    same_ari: float = knob(0.95, "Two segmentations are the same if their adjusted Rand index is at least this.",
                           minimum=-1.0, maximum=1.0)
    pixels: str = knob("objects", "Compare the pixels of the true objects (where they are known), or all of them.",
                       choices=("objects", "all"))
