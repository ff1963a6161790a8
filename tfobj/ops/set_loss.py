"""Distance of a predicted set from a true one, whatever the order (Locatello et al. 2020, after Zhang et al. 2019)."""

import keras
from keras import ops

from tfobj.ops.matching import assignment
from tfobj.ops.precision import at_least_float32


def pairwise_costs(targets, predictions):
    """Huber distance of every target from every prediction, with delta 1, averaged over the properties.

    Args:
        targets: Float [B,R,P].
        predictions: Float [B,K,P].

    Returns:
        float32 or wider [B,R,K].
    """
    predictions = at_least_float32(predictions)
    targets = ops.cast(targets, predictions.dtype)
    return keras.losses.huber(targets[:, :, None], predictions[:, None], delta=1.0)


def set_loss(targets, predictions, method="auto"):
    """Sum of the costs of the cheapest pairing. What is left over where R and K differ, costs nothing.

    Args:
        targets: Float [B,R,P]. Rows of zeros pad a set and are paired like all others.
        predictions: Float [B,K,P].
        method: str, see `tfobj.ops.matching.assignment`.

    Returns:
        float32 or wider [B]. Gradients go through the costs of the pairs, not through the choice.
    """
    costs = pairwise_costs(targets, predictions)
    return ops.sum(costs * ops.cast(assignment(costs, method), costs.dtype), axis=(1, 2))
