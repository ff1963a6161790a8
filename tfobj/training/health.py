"""Whether a run may go on behind a step; the same on both backends, in graphs and outside."""

from keras import ops


def is_healthy(terms, limits):
    """Whether loss and gradient of a step are finite and no term exceeds its limit.

    Args:
        terms: Dict name -> float scalar, of a step; with `loss` and `gradient_norm`.
        limits: `SlotModel.term_limits`.

    Returns:
        bool scalar.
    """
    finite = [ops.isfinite(terms[name]) for name in ("loss", "gradient_norm")]
    return ops.all(ops.stack(finite + [terms[name] <= limit for name, (limit, _) in limits.items()]))
