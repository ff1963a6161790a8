"""How layers of a picture hide one another by learned activations (AST-Seg, Section 3.3)."""

import keras
from keras import ops

from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class ActivationOcclusion(keras.layers.Layer):
    """The share of every layer in a pixel is its mask times the exponential of its activation, over the sum of all.

    The background is layer 0: its mask is 1 everywhere and its activation a weight, the same for all images.

    Input: activations [B, K], masks [B, K, H, W] in [0, 1]. Output: float32 or wider [B, K + 1, H, W], which sums to 1
    over layers.

    Args:
        image_size: Tuple (H, W).
        initial_background: float. Initial activation of the background. Defaults to `11`.
        per_pixel: bool. Adds a learned map to the background's activation. Defaults to `False`.
    """

    def __init__(self, image_size, initial_background=11.0, per_pixel=False, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.initial_background = initial_background
        self.per_pixel = per_pixel

    def build(self, *_):
        self.background = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(self.initial_background), name="background")
        self.local = self.add_weight(shape=self.image_size, initializer="zeros", name="local") if self.per_pixel \
            else None

    def call(self, activations, masks):
        masks = at_least_float32(masks)
        masks = ops.concatenate([ops.ones_like(masks[:, :1]), masks], axis=1)  # [B,K+1,H,W]
        activations = self._with_background(ops.cast(activations, masks.dtype))
        present = masks > 0.0
        # The largest activation of a layer that is there at all: with that of any other, all shares could vanish.
        largest = ops.max(ops.where(present, activations, activations[:, :1]), axis=1, keepdims=True)  # [B,1,H,W]
        # No minimum with 0 instead: where it is reached, its gradient is one half on JAX.
        above = ops.where(present, activations - ops.stop_gradient(largest), 0.0)
        weights = masks * ops.exp(above)
        return weights / ops.sum(weights, axis=1, keepdims=True)

    def _with_background(self, activations):
        """Activations of all layers with the background in front, [B,K+1,1,1] or [B,K+1,H,W]."""
        activations = activations[..., None, None]  # [B,K,1,1]
        background = ops.cast(self.background, activations.dtype)
        if self.local is None:
            background = background + ops.zeros_like(activations[:, :1])
        else:
            background = background + ops.cast(self.local, activations.dtype) + ops.zeros_like(activations[:, :1])
            activations = activations + ops.zeros_like(background)
        return ops.concatenate([background, activations], axis=1)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size,
                "initial_background": self.initial_background, "per_pixel": self.per_pixel}
