"""Colours of the 2-D scenes."""

import numpy as np

# Red, green, blue, yellow, magenta, cyan: the six colours of the Tetrominoes release.
SATURATED_COLORS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)


def hue_to_rgb(hue):
    """Converts hues to fully saturated, fully bright colours (HSV with S = V = 1).

    Args:
        hue: float array [...] in [0,1].

    Returns:
        float64 [..., 3] in [0,1].
    """
    sector = (np.asarray(hue)[..., None] * 6.0 + np.array([0.0, 4.0, 2.0])) % 6.0  # [...,3]
    return np.clip(np.abs(sector - 3.0) - 1.0, 0.0, 1.0)


def to_uint8(color):
    """Rounds colours from [0,1] to uint8 0..255, keeping the shape."""
    return np.floor(np.asarray(color) * 255.0 + 0.5).astype(np.uint8)
