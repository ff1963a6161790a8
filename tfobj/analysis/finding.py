"""What an analysis returns."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Finding:
    """The outcome of an analysis.

    Attributes:
        result: Dict of JSON values.
        table: str, the same for a reader; several lines.
        picture: uint8 [height, width, 3].
    """

    result: dict
    table: str
    picture: np.ndarray
