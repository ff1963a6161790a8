"""Group normalisation in few passes over the feature map."""

import keras
from keras import ops

from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class GroupNormalization(keras.layers.GroupNormalization):
    """`keras.layers.GroupNormalization` of channels-last maps [B, H, W, C]; same weights, same result.

    The statistics are taken per channel and then joined per group, so that the map is never reshaped into groups: on
    CPUs half the time of Keras' layer. They are float32 or wider under every policy.

    Args:
        groups: int. Must divide the channels; -1 for one group per channel (instance normalisation). Defaults to `8`.
        epsilon: float. Defaults to `1e-5`.
        **kwargs: As of `keras.layers.GroupNormalization`, without `axis`.
    """

    def __init__(self, groups=8, epsilon=1e-5, **kwargs):
        super().__init__(groups=groups, epsilon=epsilon, **kwargs)

    def call(self, inputs):
        inputs = at_least_float32(inputs)
        centered = inputs - self._mean_of_group(inputs)
        scale = ops.rsqrt(self._mean_of_group(ops.square(centered)) + self.epsilon)  # [B,1,1,C]
        scale = scale * ops.cast(self.gamma, inputs.dtype) if self.scale else scale
        outputs = centered * scale
        outputs = outputs + ops.cast(self.beta, inputs.dtype) if self.center else outputs
        return ops.cast(outputs, self.compute_dtype)

    def _mean_of_group(self, values):
        """Mean over all pixels and the channels of the own group: [B,H,W,C] -> [B,1,1,C]."""
        channels = values.shape[-1]
        mean = ops.mean(values, axis=(1, 2))  # [B,C]
        if self.groups < channels:
            mean = ops.reshape(mean, (-1, self.groups, channels // self.groups))  # [B,G,C/G]
            mean = ops.mean(mean, axis=2, keepdims=True) + ops.zeros_like(mean)
        return ops.reshape(mean, (-1, 1, 1, channels))

    def get_config(self):
        config = super().get_config()
        config.pop("axis")
        return config
