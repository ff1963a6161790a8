"""One block of the Mix Transformer (SegFormer, Xie et al. 2021, Section 3.1)."""

import keras
from keras import ops

from tfobj.ops.competition import softmax
from tfobj.ops.dropout import drop_path, fold_in
from tfobj.ops.precision import at_least_float32

_EXPANSION = 4


@keras.saving.register_keras_serializable(package="tfobj")
class MixTransformerBlock(keras.layers.Layer):
    """Attention to a coarser map and a network with a depthwise convolution, each on normalised input and added to it.

    Input: maps [B, h, w, C], and seeds uint32 [B] of `tfobj.ops.dropout` or None. Output: [B, h, w, C].

    Args:
        width: int. C, a multiple of the heads.
        num_heads: int.
        reduction: int. Side of the squares of the map that keys and values see as one.
        drop_path_rate: float. Share of the images for which a branch is left out. Defaults to `0`.
    """

    def __init__(self, width, num_heads, reduction, drop_path_rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.num_heads = num_heads
        self.reduction = reduction
        self.drop_path_rate = drop_path_rate

        # === Layers ===
        common = {"dtype": self.dtype_policy}

        def normal():
            return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02), **common}

        def norm(name):
            return keras.layers.LayerNormalization(epsilon=1e-5, name=name, **common)

        self.norm0, self.norm1 = norm("norm0"), norm("norm1")
        self.query, self.key, self.value, self.out = (keras.layers.Dense(width, name=name, **normal())
                                                      for name in ("query", "key", "value", "out"))
        self.coarse = keras.layers.Conv2D(width, reduction, reduction, name="coarse", **normal()) \
            if reduction > 1 else None
        self.coarse_norm = norm("coarse_norm") if reduction > 1 else None
        self.hidden = keras.layers.Dense(_EXPANSION * width, name="hidden", **normal())
        self.depthwise = keras.layers.DepthwiseConv2D(
            3, padding="same", depthwise_initializer=keras.initializers.RandomNormal(stddev=0.02), name="depthwise",
            **common)
        self.final = keras.layers.Dense(width, name="final", **normal())

    def build(self, input_shape):
        shape = (None, None, None, self.width)
        for layer in filter(None, (self.norm0, self.norm1, self.query, self.key, self.value, self.out, self.coarse,
                                   self.coarse_norm, self.hidden)):
            layer.build(shape)
        for layer in (self.depthwise, self.final):
            layer.build((None, None, None, _EXPANSION * self.width))

    def call(self, maps, seeds=None):
        maps = maps + drop_path(self.attend(self.norm0(maps)), self.drop_path_rate, fold_in(seeds, 0))
        hidden = ops.gelu(self.depthwise(self.hidden(self.norm1(maps))), approximate=False)
        return maps + drop_path(self.final(hidden), self.drop_path_rate, fold_in(seeds, 1))

    def attend(self, maps):
        """Multi-head attention of all places to all places of the coarser map, [B, h, w, C]."""
        height, width = maps.shape[1:3]
        coarse = maps if self.coarse is None else self.coarse_norm(self.coarse(maps))  # [B,h/r,w/r,C]
        query, key, value = (self._heads(tensor) for tensor in (self.query(maps), self.key(coarse), self.value(coarse)))
        logits = at_least_float32(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))))  # [B,H,N,M]
        weights = softmax(logits * (self.width // self.num_heads)**-0.5, axis=-1)
        attended = ops.matmul(ops.cast(weights, value.dtype), value)  # [B,H,N,d]
        return self.out(ops.reshape(ops.transpose(attended, (0, 2, 1, 3)), (-1, height, width, self.width)))

    def _heads(self, maps):
        places = maps.shape[1] * maps.shape[2]
        heads = ops.reshape(maps, (-1, places, self.num_heads, self.width // self.num_heads))  # [B,N,H,d]
        return ops.transpose(heads, (0, 2, 1, 3))  # [B,H,N,d]

    def get_config(self):
        return {**super().get_config(), "width": self.width, "num_heads": self.num_heads, "reduction": self.reduction,
                "drop_path_rate": self.drop_path_rate}
