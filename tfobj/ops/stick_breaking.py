"""Masks by stick-breaking, in log space: every slot takes its share of what the slots before it left, the scope."""

from keras import ops

ABSENT = -1e10
"""Log of the mask of a slot that does not exist."""

_FLOOR = 1e-5


def straight_through_clip(value, lowest, highest):
    """Clips a value but not its gradient.

    Args:
        value: Float [...].
        lowest: float.
        highest: float.

    Returns:
        Float [...] in [lowest, highest], with the gradient of `value`.
    """
    return value + ops.stop_gradient(ops.clip(value, lowest, highest) - value)


def log_masks_of_logits(logits):
    """Stick-breaking with the shares sigmoid(logit); the last slot takes what is left (GENESIS, MONet).

    Args:
        logits: Float [B,K-1,H,W]; with a single slot [B,0,H,W].

    Returns:
        Tuple of float: log masks [B,K,H,W], whose exponentials sum to 1 over K, and log scopes [B,K,H,W], the scope
        before each slot; the first is 0, the last is the last mask.
    """
    taken, left = ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
    scopes = ops.pad(ops.cumsum(left, axis=1), ((0, 0), (1, 0), (0, 0), (0, 0)))  # [B,K,H,W]
    masks = ops.concatenate([scopes[:, :-1] + taken, scopes[:, -1:]], axis=1)
    return masks, scopes


def mask_divergence(masks, others, valid=None):
    """KL divergence of masks from others in every image, both not less than 1e-5 (GENESIS-V2, Equation 7; MONet).

    Args:
        masks: Float [B,K,H,W], summing to 1 over K.
        others: Float [B,K,H,W], summing to 1 over K.
        valid: bool [B,K] or None. Slots that exist; the others take no part.

    Returns:
        Float [B], KL[masks || others] summed over pixels.
    """
    exists = None if valid is None else valid[:, :, None, None]
    masks, others = _floored(masks, exists), _floored(others, exists)
    terms = masks * (ops.log(ops.maximum(masks, _FLOOR**2)) - ops.log(ops.maximum(others, _FLOOR**2)))
    return ops.sum(terms, axis=(1, 2, 3))


def _floored(masks, exists):
    masks = ops.maximum(masks, _FLOOR)
    masks = masks if exists is None else ops.where(exists, masks, ops.zeros_like(masks))
    return masks / ops.sum(masks, axis=1, keepdims=True)
