"""The first convolution of a spatial broadcast decoder (Watters et al. 2019), without the broadcast."""

import keras
from keras import ops

from tfobj.ops import coordinates
from tfobj.ops.constant_convolution import conv_of_constant


@keras.saving.register_keras_serializable(package="tfobj")
class BroadcastConvolution(keras.layers.Layer):
    """Convolves vectors that are repeated over a grid of coordinates.

    The weights are those of a `keras.layers.Conv2D` with "same" padding and stride 1 whose input channels are the
    vector, the constant if there is one, and the coordinates (row, column) from -1 to 1, and so is the result. But the
    vector and the constant are the same everywhere and the coordinates the same for every vector, so that neither needs
    a convolution of N maps.

    Input: [N, Z]. Output: [N, H, W, filters].

    Args:
        image_size: Tuple (H, W).
        filters: int.
        kernel_size: int.
        constant: float, value of a channel that is the same everywhere; 0 for no such channel. Defaults to `0`.
        activation: str or None.
        kernel_initializer: As of Keras.
    """

    def __init__(self, image_size, filters, kernel_size, constant=0.0, activation=None,
                 kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.filters = filters
        self.kernel_size = kernel_size
        self.constant = constant
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        depth = input_shape[-1] + bool(self.constant) + 2
        shape = (self.kernel_size, self.kernel_size, depth, self.filters)
        self.taps = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, vectors):
        taps, vectors = ops.convert_to_tensor(self.taps), self.with_constant(vectors)
        depth = vectors.shape[-1]
        grid = ops.convert_to_tensor(coordinates.linear_grid(*self.image_size), dtype=self.compute_dtype)
        everywhere = ops.conv(grid, taps[:, :, depth:], padding="same", data_format="channels_last")  # [1,H,W,C]
        outputs = conv_of_constant(vectors, taps[:, :, :depth], self.image_size) + (everywhere + self.bias)
        return self.activation(outputs)  # [N,H,W,C]

    def with_constant(self, vectors):
        """Appends the constant channel, if there is one; [N, Z] or [N, Z + 1]."""
        if not self.constant:
            return vectors
        return ops.pad(vectors, ((0, 0), (0, 1)), constant_values=self.constant)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.image_size, self.filters)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "filters": self.filters,
                "kernel_size": self.kernel_size, "constant": self.constant,
                "activation": keras.activations.serialize(self.activation),
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer)}
