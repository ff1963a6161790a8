"""Convolutions whose output is averaged over the pixels, and a small network behind them (IODINE, Appendix B)."""

import keras
from keras import ops

from tfobj.layers.fan_in_truncated_normal import FanInTruncatedNormal
from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class PooledConvolutions(keras.layers.Layer):
    """What IODINE's refinement network makes of maps, and what the VAE of its Figure 6 makes of an image.

    The convolutions have stride 2, "same" padding and ELU; all dense layers but the last have ELU.

    Input: maps [N, H, W, c]. Output: float32 or wider [N, mlp_sizes[-1]].

    Args:
        filters: Sequence of int. Width of each convolution.
        kernel_size: int. Defaults to `3`.
        mlp_sizes: Sequence of int. Units of the dense layers.
    """

    def __init__(self, filters, kernel_size=3, mlp_sizes=(256, 256), **kwargs):
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.mlp_sizes = tuple(mlp_sizes)

    def build(self, input_shape):
        self.convolutions, self.mlp, shape = [], [], input_shape
        for index, width in enumerate(self.filters):
            convolution = keras.layers.Conv2D(width, self.kernel_size, 2, "same", activation="elu",
                                              **self.common(f"conv{index}"))
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            self.convolutions.append(convolution)
        for index, units in enumerate(self.mlp_sizes):
            activation = "elu" if index < len(self.mlp_sizes) - 1 else None
            dense = keras.layers.Dense(units, activation=activation, **self.common(f"dense{index}"))
            dense.build((None, shape[-1]))
            shape = (None, units)
            self.mlp.append(dense)

    def common(self, name, dtype=None):
        """Arguments that sub-layers share."""
        return {"name": name, "kernel_initializer": FanInTruncatedNormal(), "dtype": dtype or self.dtype_policy}

    def call(self, maps):
        for convolution in self.convolutions:
            maps = convolution(maps)
        features = ops.mean(at_least_float32(maps), axis=(1, 2))  # [N,c]
        for dense in self.mlp:
            features = dense(features)
        return at_least_float32(features)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size,
                "mlp_sizes": self.mlp_sizes}
