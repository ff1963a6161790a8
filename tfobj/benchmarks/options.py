"""How a row of a benchmark is measured."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Options:
    """How a row is measured.

    Attributes:
        real_data: bool. Train on the experiment's data set instead of random images.
        repeats: int. Timed calls of the training loop.
        seconds: float. How long each should take; at least one step, at most --steps_per_loop.
        peak: bool. Measure the device, too.
    """

    real_data: bool = False
    repeats: int = 5
    seconds: float = 2.0
    peak: bool = False
