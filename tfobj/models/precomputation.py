"""What a phase of training can compute once of every image, instead of in every step."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Precomputation:
    """A function of an image alone, by weights that the phase does not train.

    Attributes:
        title: str. What it is, in the plural.
        name: str. Argument of `SlotModel.training_terms` that takes the result.
        shape: Tuple of int. Shape of the result of one image.
        dtype: str. As what it is stored: `float32`, or `uint8`, which `training_terms` sees divided by 255.
        compute: Callable from images, float32 [B, H, W, C] in [0, 1], to float [B, *shape]; for `uint8` whole numbers
            from 0 to 255.
        weights: Sequence of the variables on which it depends.
    """

    title: str
    name: str
    shape: tuple
    dtype: str
    compute: typing.Callable
    weights: typing.Sequence
