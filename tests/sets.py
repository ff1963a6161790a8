"""Random sets of objects."""

import numpy as np

from tfobj import properties


def random_targets(count, num_rows, rng):
    """Targets float32 [count,num_rows,19]: at least one real object each, then rows of zeros.

    Args:
        count: int. Images.
        num_rows: int.
        rng: `numpy.random.Generator`.
    """
    targets = np.zeros((count, num_rows, properties.NUM_PROPERTIES), np.float32)
    targets[..., properties.COORDINATES] = rng.random((count, num_rows, 3))
    for factor, names in properties.CLASSES.items():
        targets[..., properties.COLUMNS[factor]] = np.eye(len(names))[rng.integers(0, len(names), (count, num_rows))]
    targets[..., properties.PRESENCE] = 1.0
    exists = np.arange(num_rows) < rng.integers(1, num_rows + 1, count)[:, None]
    return targets * exists[..., None].astype(np.float32)


def factors_of(targets):
    """What a batch of the data says of targets: (`objects`, `visibility`) as `tfobj.data.source` has them.

    Where there is no object, the classes are any.
    """
    exists = targets[..., properties.PRESENCE] > 0.0
    rng = np.random.default_rng(0)
    objects = {factor: np.where(exists, targets[..., properties.COLUMNS[factor]].argmax(axis=-1),
                                rng.integers(0, len(names), exists.shape)).astype(np.int64)
               for factor, names in properties.CLASSES.items()}
    objects["coords_3d"] = ((targets[..., properties.COORDINATES] - 0.5) * 6.0).astype(np.float32)
    visibility = np.concatenate([np.ones((len(targets), 1), bool), exists], axis=1)
    return objects, visibility
