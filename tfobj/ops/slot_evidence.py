"""What a spatial mixture says about each of its slots: inputs of IODINE's refinement (Greff et al. 2019, App. B)."""

import numpy as np
from keras import ops

POSTERIOR_EPSILON = 1e-6
"""Where no slot explains a pixel, the posterior goes to 0 instead of 1 / K."""


def component_posterior(log_densities):
    """Probability that a pixel belongs to a slot, from the densities alone, without the mixing weights.

    Args:
        log_densities: float32 or wider [B,K,H,W,C], of the channels of a pixel.

    Returns:
        [B,K,H,W] in [0, 1], sums to at most 1 over K.
    """
    densities = ops.exp(ops.sum(log_densities, axis=-1))  # [B,K,H,W]
    return densities / (ops.sum(densities, axis=1, keepdims=True) + POSTERIOR_EPSILON)


def log_likelihood_without_each(logits, log_densities, joint_channels):
    """Log-likelihood of pixels under the mixture of all slots but one, with the masks of the others renormalised.

    Args:
        logits: float32 or wider [B,K,H,W]. Mask logits, K >= 2.
        log_densities: The same dtype [B,K,H,W,C].
        joint_channels: bool. See `tfobj.ops.distributions.mixture_log_likelihood`.

    Returns:
        [B,K,H,W], entry k without slot k.
    """
    if joint_channels:
        log_densities = ops.sum(log_densities, axis=-1, keepdims=True)  # [B,K,H,W,1]
    logits = logits[..., None]  # [B,K,H,W,1]
    return ops.sum(_logsumexp_of_others(logits + log_densities) - _logsumexp_of_others(logits), axis=-1)


def _logsumexp_of_others(values):
    """Entry k is the log-sum-exp over axis 1 [B,K,...] of all entries but k."""
    num_slots = values.shape[1]
    # log(1 - softmax) would be shorter and loses everything where one slot dominates.
    itself = np.eye(num_slots, dtype=bool).reshape(1, num_slots, num_slots, *[1] * (len(values.shape) - 2))
    others = ops.where(itself, -np.inf, values[:, None])  # [B,K,K,...]
    return ops.logsumexp(others, axis=2)
