"""The softmax by which slots compete."""

from keras import ops


def softmax(logits, axis):
    """Softmax over an axis that may have one entry, as with a single slot: 1 there, with a gradient of 0.

    Args:
        logits: Float [...].
        axis: int.

    Returns:
        Float, shape and dtype of `logits`, sums to 1 over `axis`.
    """
    if logits.shape[axis] == 1:  # keras.ops.softmax warns the user, who asked for one slot
        return ops.exp(logits - ops.logsumexp(logits, axis=axis, keepdims=True))
    return ops.softmax(logits, axis=axis)


def log_softmax(logits, axis):
    """Logarithm of `softmax`, of the same arguments; finite where the softmax underflows."""
    return logits - ops.logsumexp(logits, axis=axis, keepdims=True)
