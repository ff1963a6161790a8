"""The attention network of MONet, which takes one object after the other out of the scope (Burgess et al. 2019)."""

import keras
from keras import ops

from tfobj.layers.unet import UNet
from tfobj.ops.precision import at_least_float32
from tfobj.ops.stick_breaking import log_masks_of_logits

_INSTANCE = -1


@keras.saving.register_keras_serializable(package="tfobj")
class RecurrentAttention(keras.layers.Layer):
    """A U-Net sees the image and the log of what is left of it, and says how much of that the next slot takes.

    Input: images [B, S, S, C]. Output: tuple of log masks and log scopes, float32 or wider [B, K, S, S], as of
    `log_masks_of_logits`.

    Args:
        image_size: Tuple (H, W), see `UNet`.
        channels: int. Width of the finest level of the U-Net.

    Raises:
        UserError: the images do not fit the U-Net.
    """

    def __init__(self, image_size, channels, **kwargs):
        super().__init__(**kwargs)
        self.image_size, self.channels = tuple(image_size), channels
        self.unet = UNet(self.image_size, channels, _INSTANCE, 1, name="unet", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.unet.build((*input_shape[:-1], input_shape[-1] + 1))

    def call(self, image, num_slots):
        """See the class; `num_slots`, an int, is K."""
        scope, logits = ops.zeros_like(at_least_float32(image[..., :1])), []
        for _ in range(num_slots - 1):
            logits.append(at_least_float32(self.unet(ops.concatenate([image, ops.cast(scope, image.dtype)], axis=-1))))
            scope = scope + ops.log_sigmoid(-logits[-1])
        stacked = ops.stack(logits, axis=1)[..., 0] if logits else scope[:, None, ..., 0][:, :0]
        return log_masks_of_logits(stacked)  # [B,K,S,S]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "channels": self.channels}
