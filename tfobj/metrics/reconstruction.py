"""Squared errors of reconstructions, per image; papers differ in the normalisation, so the names say which it is."""

from keras import ops


def mse_mean(image, reconstruction):
    """Mean squared error over all pixels and channels (IODINE's MSE).

    Args:
        image: float [B,H,W,C] in [0,1].
        reconstruction: float [B,H,W,C].

    Returns:
        float32 [B].
    """
    return ops.mean(_squares(image, reconstruction), axis=(1, 2, 3))


def mse_sum(image, reconstruction):
    """Sum of squared errors over all pixels and channels (the MSE of CLEVRTEX and AST); arguments as `mse_mean`."""
    return ops.sum(_squares(image, reconstruction), axis=(1, 2, 3))


def _squares(image, reconstruction):
    return ops.square(ops.cast(image, "float32") - ops.cast(reconstruction, "float32"))
