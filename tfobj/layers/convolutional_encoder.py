"""Convolutional encoder of Slot Attention (Tables 4 and 5)."""

import keras

from tfobj.layers.soft_position_embedding import SoftPositionEmbedding


@keras.saving.register_keras_serializable(package="tfobj")
class ConvolutionalEncoder(keras.layers.Layer):
    """5x5 convolutions, position embedding, LayerNorm and a two-layer network at each location.

    Input: [B, H, W, C]. Output: [B, h, w, channels], h = ceil(H / product of the strides).

    Args:
        channels: int. Width of every layer.
        strides: Sequence of int. One convolution per entry.
        position_embedding: bool. False removes it (Appendix B). Defaults to `True`.
        kernel_size: int. Defaults to `5`.
    """

    def __init__(self, channels, strides, position_embedding=True, kernel_size=5, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.strides = tuple(strides)
        self.position_embedding = position_embedding
        self.kernel_size = kernel_size

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.convolutions = [
            keras.layers.Conv2D(channels, kernel_size, stride, "same", activation="relu", name=f"conv{i}", **common)
            for i, stride in enumerate(self.strides)
        ]
        self.pos = SoftPositionEmbedding(name="pos", **common) if position_embedding else None
        self.norm = keras.layers.LayerNormalization(epsilon=1e-3, name="norm", **common)
        self.mlp0 = keras.layers.Dense(channels, activation="relu", name="mlp0", **common)
        self.mlp1 = keras.layers.Dense(channels, name="mlp1", **common)

    def build(self, input_shape):
        shape = tuple(input_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        for layer in filter(None, (self.pos, self.norm, self.mlp0)):
            layer.build(shape)
        self.mlp1.build(self.mlp0.compute_output_shape(shape))

    def call(self, image):
        features = self.convolve(image)
        return self.mlp1(self.mlp0(self.norm(self.embed(features))))  # [B,h,w,channels]

    def convolve(self, image):
        """Returns the feature map [B, h, w, channels] after the last convolution."""
        for convolution in self.convolutions:
            image = convolution(image)
        return image

    def embed(self, features):
        """Adds the position embedding, if this encoder has one; [B, h, w, channels]."""
        return self.pos(features) if self.pos is not None else features

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "strides": self.strides,
                "position_embedding": self.position_embedding, "kernel_size": self.kernel_size}
