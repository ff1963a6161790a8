"""How networks of the GENESIS family turn numbers into standard deviations and back into probability."""

from keras import ops

from tfobj.ops.precision import at_least_float32


def posterior_scale(raw):
    """Standard deviation of a posterior, softplus(raw + 0.5) + 1e-8: about 0.97 at 0.

    Args:
        raw: Float [...].

    Returns:
        float32 or wider [...] > 0.
    """
    return ops.softplus(at_least_float32(raw) + 0.5) + 1e-8


def prior_scale(raw):
    """Standard deviation of a learned prior, sigmoid(raw + 4) + 1e-4: about 0.98 at 0, never above 1.0001.

    Args:
        raw: Float [...].

    Returns:
        float32 or wider [...] > 0.
    """
    return ops.sigmoid(at_least_float32(raw) + 4.0) + 1e-4


def posterior_moments(outputs):
    """Reads what a network says of a posterior.

    Args:
        outputs: Float [..., 2 * D], means before what becomes standard deviations.

    Returns:
        Tuple of mean and standard deviation > 0, float32 or wider [..., D].
    """
    mean, raw = ops.split(at_least_float32(outputs), 2, axis=-1)
    return mean, posterior_scale(raw)


def prior_moments(outputs):
    """Reads what a network says of a learned prior.

    Args:
        outputs: Float [..., 2 * D], as of `posterior_moments`.

    Returns:
        Tuple of mean, unbounded, and standard deviation > 0, float32 or wider [..., D].
    """
    mean, raw = ops.split(at_least_float32(outputs), 2, axis=-1)
    return mean, prior_scale(raw)
