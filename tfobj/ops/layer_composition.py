"""Losses of pictures that are composed of layers (AST-Seg, Section 3.4)."""

from keras import ops

from tfobj.ops.precision import at_least_float32

_TINY = 1e-20


def layer_terms(image, reconstruction, masks):
    """The two terms of the loss, of each image.

    Args:
        image: Float [B, H, W, C] in [0, 1].
        reconstruction: Float [B, H, W, C].
        masks: Float [B, K, H, W], shares of the layers, summing to 1 over K.

    Returns:
        Dict of float32 or wider [B]: `reconstruction`, the mean over pixels of the square of the absolute error summed
        over channels; `pixel_entropy`, the mean of the squared entropy of the shares in a pixel.
    """
    reconstruction, masks = at_least_float32(reconstruction), at_least_float32(masks)
    error = ops.sum(ops.abs(reconstruction - ops.cast(image, reconstruction.dtype)), axis=-1)  # [B,H,W]
    entropy = ops.sum(masks * ops.log(masks + _TINY), axis=1)  # [B,H,W]
    return {"reconstruction": ops.mean(ops.square(error), axis=(1, 2)),
            "pixel_entropy": ops.mean(ops.square(entropy), axis=(1, 2))}
