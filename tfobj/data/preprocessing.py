"""Crops, resizes and channels of `tfobj.data.framing` as TensorFlow operations, and photos of any size."""

import functools

import tensorflow as tf

from tfobj.data import framing


class Preprocessing(framing.Preprocessing):
    """The same with tensors, inside and outside of a graph."""

    def _interpolated(self, images):
        if self.resize == "legacy":
            images = tf.raw_ops.ResizeBilinear(images=images, size=self.size, half_pixel_centers=False)
        else:
            images = tf.image.resize(images, self.size, "bilinear", antialias=self.resize == "antialias")
        return tf.clip_by_value(images, 0.0, 1.0)  # interpolation weights sum to one only up to rounding

    def _unit_range(self, images):
        return _unit_range(images)

    def _take(self, images, indices, axis):
        return tf.gather(images, indices, axis=axis)

    def _to_channels(self, images, channels):
        return to_channels(images, channels)


plan = functools.partial(framing.plan, kind=Preprocessing)
"""`tfobj.data.framing.plan` of a `Preprocessing` of tensors."""


def fit_image(image, image_shape, antialias=True):
    """Brings a photo of any size to the shape of a model's images, in eager mode or inside an exported graph.

    The whole picture is kept: the aspect ratio changes if it must. Bilinear.

    Args:
        image: uint8 [h,w,c] or [B,h,w,c] tensor or array, c statically 1, 2, 3 or 4 (an alpha channel is ignored);
            [h,w] for a gray array. h and w may be dynamic.
        image_shape: Tuple (H, W, C), C 1 or 3.
        antialias: bool. When shrinking, see `tfobj.data.framing.shrinks_with_antialias`. Defaults to `True`.

    Returns:
        float32 [H,W,C] or [B,H,W,C] in [0,1]. A picture that has the shape already keeps its values exactly.
    """
    image = tf.convert_to_tensor(image, tf.uint8)
    image = image[..., tf.newaxis] if image.shape.rank == 2 else image
    image = to_channels(_unit_range(image), image_shape[2])
    image = tf.image.resize(image, image_shape[:2], "bilinear", antialias=antialias)
    return tf.clip_by_value(image, 0.0, 1.0)


def map_back(segmentation, original_size):
    """Resizes segmentations to the size of the photos they belong to; nearest neighbour, the inverse of `fit_image`.

    Args:
        segmentation: Integer [...,H,W] tensor or array.
        original_size: (h, w), ints or an int32 tensor [2].

    Returns:
        Tensor [...,h,w] of the same dtype.
    """
    segmentation = tf.convert_to_tensor(segmentation)
    for axis in (-2, -1):
        old = segmentation.shape[axis] or tf.shape(segmentation)[axis]
        segmentation = tf.gather(segmentation, _nearest_indices(old, original_size[axis]), axis=axis)
    return segmentation


def to_channels(images, channels):
    """`tfobj.data.framing.to_channels` of a tensor."""
    return framing.to_channels(images, channels, tf.repeat)


def _unit_range(images):
    return tf.cast(images, tf.float32) / 255.0


def _nearest_indices(old, new):
    """`tfobj.data.resizing.nearest_indices` by the half-pixel rule; ints or scalar tensors, int32 [new]."""
    return (2 * tf.range(new) + 1) * old // (2 * new)
