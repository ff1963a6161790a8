"""Distance of a predicted set from a true one, whatever the order (Locatello et al. 2020, after Zhang et al. 2019)."""

import keras
from keras import ops

from tfobj.ops.matching import assignment
from tfobj.ops.precision import at_least_float32

_NEVER = 1e12  # costs more than any pair of a model that has not diverged


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


def pairing(costs, method="auto", padding=None):
    """The cheapest pairing of targets and predictions.

    Args:
        costs: Float [B,R,K], see `pairwise_costs`.
        method: str, see `tfobj.ops.matching.assignment`.
        padding: bool [B,R] or None. Targets that are no objects: of them only as many take part as there are more
            predictions than objects. Without it all targets are alike, as in the authors' code.

    Returns:
        float32 [B,R,K] of zeros and ones, min(R, K) ones in each image.
    """
    if padding is not None and costs.shape[1] > costs.shape[2]:
        padding = ops.cast(padding, "int32")
        # Objects first, then padding: what comes after the first K of them is not needed. Those K have no part of the
        # price, so the sums that are compared stay exact.
        place = ops.sum(1 - padding, axis=1, keepdims=True) + ops.cumsum(padding, axis=1)  # [B,R], from 1
        needless = (padding > 0) & (place > costs.shape[2])
        costs = ops.where(needless[:, :, None], ops.full_like(costs, _NEVER), costs)
    return assignment(costs, method)


def set_loss(targets, predictions, method="auto", padding=None):
    """Sum of the costs of the cheapest pairing. What is left over where R and K differ, costs nothing.

    Args:
        targets: Float [B,R,P]. Rows of zeros pad a set.
        predictions: Float [B,K,P].
        method: str, see `tfobj.ops.matching.assignment`.
        padding: bool [B,R] or None, see `pairing`.

    Returns:
        float32 or wider [B]. Gradients go through the costs of the pairs, not through the choice.
    """
    costs = pairwise_costs(targets, predictions)
    # Over the targets first: there is one number among zeros, so that more padding leaves the sum as it is, bit for bit.
    of_predictions = ops.sum(costs * ops.cast(pairing(costs, method, padding), costs.dtype), axis=1)  # [B,K]
    return ops.sum(of_predictions, axis=1)
