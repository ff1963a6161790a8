"""The loss by which a background model learns from images with objects in front (AST-Seg, pretraining).

Pixels that the model explains badly are probably objects, and so are those around them: their weight falls by a factor
of up to e^-6. The loss is no measure of progress: it rises while more and more pixels come to count.
"""

from keras import ops

from tfobj.ops.precision import at_least_float32

_MARGIN = 3.0 / 255.0  # of the quadratic part, in both terms
_SOFT_THRESHOLD = 0.25
_SUPPRESSION = 6.0
_WINDOW_PER_WIDTH = 75


def background_loss(image, output):
    """The loss of each image.

    Args:
        image: Float [B, H, W, 3] in [0, 1].
        output: Float [B, H, W, 4] in [0, 1], background and predicted error.

    Returns:
        Dict of float32 or wider: `loss` [B]; `pixel_error` [B,H,W] in [0,3]; `pixel_weight` [B,H,W] in [e^-6,1],
        without gradient.
    """
    output = at_least_float32(output)
    image = ops.cast(image, output.dtype)
    error = ops.sum(_smooth_l1(image - output[..., :3]), axis=-1)  # [B,H,W]
    known = ops.stop_gradient(error)
    predicted = _smooth_l1(output[..., 3] - known / 3.0)
    weight = ops.exp(-_SUPPRESSION * _box_mean(ops.tanh(known / _SOFT_THRESHOLD)))
    return {"loss": ops.mean(weight * (error + predicted), axis=(1, 2)), "pixel_error": error, "pixel_weight": weight}


def _smooth_l1(error):
    size = ops.abs(error)
    return ops.where(size < _MARGIN, ops.square(error) / (2.0 * _MARGIN), size - _MARGIN / 2.0)


def _box_mean(maps):
    """Mean over a window around every pixel, whose size follows from the width; pixels outside do not count."""
    window = 2 * (maps.shape[2] // _WINDOW_PER_WIDTH) + 1
    if window == 1:
        return maps
    return ops.average_pool(maps[..., None], window, strides=1, padding="same", data_format="channels_last")[..., 0]
