"""Periodic functions and soft steps that patterns are made of; float32, no transcendental functions."""

import numpy as np


def wave(t):
    """Sine of 2 pi t with parabolas for arcs, accurate to 0.06: float array -> same shape in [-1,1]."""
    t = t - np.floor(t) - np.float32(0.5)
    return t * (np.abs(t) * np.float32(16.0) - np.float32(8.0))


def triangle(t):
    """Triangle wave of period 1: 0 at integers, 1 half-way; float array -> same shape in [0,1]."""
    return np.float32(1.0) - np.abs(np.float32(2.0) * (t - np.floor(t)) - np.float32(1.0))


def square(t, softness=0.06):
    """Square wave of period 1 with linear edges: about 1 over the first half of a period and 0 over the second.

    Args:
        t: float32 array.
        softness: float. Width of an edge in periods; hard edges would flicker between neighbouring pixels.

    Returns:
        float32 array in [0,1].
    """
    return step(triangle(t + np.float32(0.25)), 0.5, 2 * softness)


def step(t, edge, width):
    """Rises linearly from 0 to 1 where t passes `edge`, over an interval of length `width`; float32 arrays."""
    return np.clip((t - np.float32(edge)) / np.float32(width) + np.float32(0.5), np.float32(0.0), np.float32(1.0))


def parity(*cells):
    """1 where the sum of the float32 integers is odd, else 0; float32."""
    total = sum(cells[1:], cells[0]) * np.float32(0.5)
    return np.float32(2.0) * (total - np.floor(total))
