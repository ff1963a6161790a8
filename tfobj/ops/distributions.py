"""Densities of pixels and latents, mixtures over slots and divergences, with all their constants.

Everything is computed in float32 or wider; in float64 it is exact: constants are never rounded to float32 on the way.
"""

import math

from keras import ops

from tfobj.ops.precision import at_least_float32

LOG_2PI = math.log(2.0 * math.pi)

_TINY = -34.0  # exp(-34) is below the precision of float64 relative to 1: from here on log(softplus(x)) is x


def pixel_log_density(image, mean, scale, density):
    """Log-density of every channel of every pixel under the mean of every slot.

    Args:
        image: Float [B,H,W,C], or of the rank of `mean` and broadcastable to it.
        mean: Float [B,K,H,W,C].
        scale: float or scalar tensor > 0. Standard deviation of `normal`; s of `logistic`, whose standard deviation is
            s * pi / sqrt(3).
        density: str. `normal` or `logistic`.

    Returns:
        float32 or wider [B,K,H,W,C].
    """
    mean = at_least_float32(mean)
    image = ops.cast(image, mean.dtype)
    image = ops.expand_dims(image, 1) if len(image.shape) < len(mean.shape) else image  # [B,1,H,W,C]
    return {"normal": normal_log_density, "logistic": logistic_log_density}[density](image, mean, scale)


def normal_log_density(value, mean, std):
    """Log-density of a normal distribution.

    Args:
        value: Float [...].
        mean: Float, broadcastable to `value`, or a number.
        std: Float > 0, broadcastable to `value`, or a number.

    Returns:
        float32 or wider [...].
    """
    std = _wide(std)
    scaled = ops.divide(ops.subtract(_wide(value), _wide(mean)), std)
    return -0.5 * ops.square(scaled) - _log(std) - 0.5 * LOG_2PI


def logistic_log_density(value, mean, scale):
    """Log-density of a logistic distribution, stable in both tails.

    Args:
        value: Float [...].
        mean: Float, broadcastable to `value`, or a number.
        scale: Float > 0, broadcastable to `value`, or a number.

    Returns:
        float32 or wider [...].
    """
    scale = _wide(scale)
    distance = ops.abs(ops.divide(ops.subtract(_wide(value), _wide(mean)), scale))
    return -distance - 2.0 * ops.softplus(-distance) - _log(scale)


def mixture_log_likelihood(log_masks, log_densities, joint_channels):
    """Log-likelihood of pixels under a mixture over slots.

    Args:
        log_masks: Float [B,K,H,W]. Log of the mixing weights, normalised over K.
        log_densities: Float [B,K,H,W,C].
        joint_channels: bool. True: a pixel belongs to one slot, its channels are independent given the slot (IODINE).
            False: every channel has a mixture of its own with the same weights (GENESIS).

    Returns:
        float32 or wider [B,H,W].
    """
    log_masks, log_densities = at_least_float32(log_masks), at_least_float32(log_densities)
    if joint_channels:
        return ops.logsumexp(log_masks + ops.sum(log_densities, axis=-1), axis=1)
    by_channel = ops.logsumexp(log_masks[..., None] + log_densities, axis=1)  # [B,H,W,C]
    return ops.sum(by_channel, axis=-1)


def mixture_error(image, components, log_masks, std, first_std=None):
    """Minus the log-likelihood of images under the mixture of GENESIS: every channel has one of its own.

    Args:
        image: Float [B,H,W,C].
        components: Float [B,K,H,W,C], means of the slots.
        log_masks: Float [B,K,H,W]. Log of the mixing weights, normalised over K.
        std: float. Standard deviation of a pixel.
        first_std: float or None. The same in the first slot; None: `std`.

    Returns:
        float32 or wider [B], summed over pixels and channels.
    """
    components = at_least_float32(components)
    if first_std not in (None, std):
        std = ops.convert_to_tensor([first_std, *[std] * (components.shape[1] - 1)], dtype=components.dtype)  # [K]
        std = ops.reshape(std, (1, -1, 1, 1, 1))
    densities = pixel_log_density(image, components, std, "normal")
    return -ops.sum(mixture_log_likelihood(log_masks, densities, joint_channels=False), axis=(1, 2))


def sampled_kl(sample, mean, std, prior_mean=0.0, prior_std=1.0):
    """Estimates the divergence of normal distributions from their priors by one sample of each; may be negative.

    Args:
        sample: Float [...,D], drawn from the distribution.
        mean: Float [...,D].
        std: Float [...,D].
        prior_mean: Float [...,D] or a number.
        prior_std: Float [...,D] or a number.

    Returns:
        float32 or wider [...], log q - log p summed over D.
    """
    terms = normal_log_density(sample, mean, std) - normal_log_density(sample, prior_mean, prior_std)
    return ops.sum(terms, axis=-1)


def normal_kl(mean, variance, prior_mean=0.0, prior_variance=1.0, log_variance=None):
    """KL divergence between normal distributions, one for each entry; the sum over entries is that of the vectors.

    Args:
        mean: Float [...].
        variance: Float [...], >= 0.
        prior_mean: Float broadcastable to `mean`, or a number.
        prior_variance: Float > 0 broadcastable to `mean`, or a number.
        log_variance: Float [...] or None. Needed where `variance` may underflow to 0, see `log_softplus`.

    Returns:
        float32 or wider [...], >= 0 up to rounding.
    """
    mean, variance, prior_mean, prior_variance = map(_wide, (mean, variance, prior_mean, prior_variance))
    log_ratio = _log(prior_variance) - (ops.log(variance) if log_variance is None else _wide(log_variance))
    squares = ops.add(variance, ops.square(ops.subtract(mean, prior_mean)))
    return 0.5 * (ops.divide(squares, prior_variance) - 1.0 + log_ratio)


def log_softplus(raw):
    """log(softplus(raw)) with its gradient, also where softplus underflows.

    Args:
        raw: Float [...].

    Returns:
        float32 or wider [...]. Half of it, exponentiated, is a standard deviation whose gradient is finite.
    """
    raw = at_least_float32(raw)
    # The branch that is not taken must be harmless too: its gradient is multiplied with 0.
    return ops.where(raw < _TINY, raw, ops.log(ops.softplus(ops.maximum(raw, _TINY))))


def _wide(value):
    """Tensors as float32 or wider; numbers stay what they are and take the dtype of what they meet."""
    return value if isinstance(value, (int, float)) else at_least_float32(ops.convert_to_tensor(value))


def _log(value):
    return math.log(value) if isinstance(value, (int, float)) else ops.log(value)
