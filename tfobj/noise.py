"""What a forward pass draws at random: its description, and draws on the host that no backend changes.

Noise is an argument of every model (`model(image, noise)`). The trainer draws it on the device from (seed, step);
evaluation, prediction and export draw it here, per example, so that a score or a segmentation depends neither on
the batch size nor on the backend.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class NoiseSpec:
    """One random input of a model.

    Attributes:
        shape: Tuple, batch first. The batch may be an int or a scalar tensor.
        distribution: str, `normal` (standard normal) or `uniform` ([0, 1)).
    """

    shape: tuple
    distribution: str = "normal"


def example_noise(spec, seed, indices):
    """Draws the noise of given examples, each from its own generator.

    Args:
        spec: Dict name -> `NoiseSpec`; the batch entry of the shapes is ignored.
        seed: int >= 0.
        indices: Sequence of ints >= 0, one per row: equal indices give equal rows.

    Returns:
        Dict name -> float32 array [len(indices), ...].
    """
    draws = {name: [] for name in spec}
    for index in indices:
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), int(index)])))
        for name in sorted(spec):
            draws[name].append(_draw(generator, spec[name]))
    return {name: np.stack(rows) for name, rows in draws.items()}


def _draw(generator, spec):
    shape = tuple(int(size) for size in spec.shape[1:])
    sample = generator.standard_normal if spec.distribution == "normal" else generator.random
    return sample(shape).astype(np.float32)
