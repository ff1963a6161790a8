"""Dropout that follows from a number per image, the same on every backend, device and batch.

A layer that draws from a generator of its own gives every replica the same numbers and forgets its state in a
checkpoint. Here, noise that the model is given (see `tfobj.noise`) becomes a seed per image; what is dropped is a hash
of the seed, of the place in the network and of the position in the tensor.
"""

import math

from keras import ops

_BITS = 24  # of a float32 in [0, 1)


def seeds_of(noise):
    """Turns noise into seeds.

    Args:
        noise: Float [B, 2], uniform in [0, 1).

    Returns:
        uint32 [B].
    """
    words = ops.cast(ops.cast(noise, "float32") * 2.0**_BITS, "uint32")
    return _mixed(_mixed(words[:, 0]) ^ words[:, 1])


def fold_in(seeds, number):
    """Seeds of one of several places in a network.

    Args:
        seeds: uint32 [B] or None.
        number: int >= 0.

    Returns:
        uint32 [B], None of None.
    """
    return None if seeds is None else _mixed(seeds ^ _constant(0x9E3779B9 * (number + 1)))


def dropout(values, rate, seeds):
    """Sets entries to zero and divides the others by the share that stays.

    Args:
        values: Float [B, ...], all but B static.
        rate: float in [0, 1). Share of the entries that are dropped.
        seeds: uint32 [B], or None to drop nothing.

    Returns:
        Float [B, ...].
    """
    return _scaled(values, rate, seeds, tuple(values.shape[1:]))


def drop_path(values, rate, seeds):
    """Sets all entries of some images to zero, as `dropout` does single ones; same arguments."""
    return _scaled(values, rate, seeds, (1,) * (len(values.shape) - 1))


def _scaled(values, rate, seeds, shape):
    if seeds is None or not rate:
        return values
    kept = uniforms(seeds, shape) >= rate
    return ops.where(kept, values / (1.0 - rate), ops.zeros_like(values))


def uniforms(seeds, shape):
    """Uniform numbers.

    Args:
        seeds: uint32 [B].
        shape: Tuple of ints.

    Returns:
        float32 [B, *shape] in [0, 1), multiples of 2^-24.
    """
    positions = ops.reshape(ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32"), shape)
    seeds = ops.reshape(seeds, (-1, *(1 for _ in shape)))
    bits = _mixed(_mixed(positions + _constant(0x85EBCA6B)) ^ seeds)
    return ops.cast(ops.right_shift(bits, _constant(32 - _BITS)), "float32") * 2.0**-_BITS


def _mixed(bits):
    """The finalizer of MurmurHash3: every bit of the result depends on every bit."""
    bits = (bits ^ ops.right_shift(bits, _constant(16))) * _constant(0x85EBCA6B)
    bits = (bits ^ ops.right_shift(bits, _constant(13))) * _constant(0xC2B2AE35)
    return bits ^ ops.right_shift(bits, _constant(16))


def _constant(value):
    return ops.convert_to_tensor(value % 2**32, dtype="uint32")
