"""The decoder of SegFormer (Xie et al. 2021, Section 3.2)."""

import keras
from keras import ops

from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.ops.dropout import dropout
from tfobj.ops.resampling import resize_bilinear


@keras.saving.register_keras_serializable(package="tfobj")
class SegFormerHead(keras.layers.Layer):
    """Brings the maps of four stages to one width and size, joins them, and makes the maps that are asked for.

    Two linear layers follow one another, with a resizing between that commutes with them. Their product is applied to
    the coarse maps, which takes a small part of the operations and gives the same result.

    Input: list of maps [B, h_i, w_i, C_i], finest first, and seeds uint32 [B] of `tfobj.ops.dropout` or None. Output:
    [B, h_0, w_0, num_maps].

    Args:
        num_maps: int.
        width: int. Inside the head.
        dropout_rate: float. Before the last layer. Defaults to `0.1`.
    """

    def __init__(self, num_maps, width, dropout_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_maps = num_maps
        self.width = width
        self.dropout_rate = dropout_rate

        # === Layers ===
        def normal():
            return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02), "dtype": self.dtype_policy}

        self.linears = [keras.layers.Dense(width, name=f"linear{i}", **normal()) for i in range(4)]
        self.fuse = keras.layers.Dense(width, use_bias=False, name="fuse", **normal())
        self.norm = BatchNormalization(name="norm", dtype=self.dtype_policy)
        self.classifier = keras.layers.Dense(num_maps, name="classifier", **normal())

    def build(self, input_shape):
        for linear, shape in zip(self.linears, input_shape):
            linear.build(shape)
        self.fuse.build((None, None, None, len(self.linears) * self.width))
        for layer in (self.norm, self.classifier):
            layer.build((None, None, None, self.width))

    def call(self, stages, seeds=None):
        size, fused = stages[0].shape[1:3], 0.0
        kernels = ops.split(ops.convert_to_tensor(self.fuse.kernel), len(stages), axis=0)  # coarsest stage first
        for maps, linear, kernel in zip(stages, self.linears, reversed(kernels)):
            bias = ops.matmul(linear.bias[None], kernel)[0]
            maps = ops.matmul(maps, ops.matmul(linear.kernel, kernel)) + bias  # [B,h_i,w_i,D]
            fused = fused + resize_bilinear(maps, size)
        hidden = ops.relu(self.norm(fused))  # [B,h_0,w_0,D]
        return self.classifier(dropout(hidden, self.dropout_rate, seeds))

    def get_config(self):
        return {**super().get_config(), "num_maps": self.num_maps, "width": self.width,
                "dropout_rate": self.dropout_rate}
