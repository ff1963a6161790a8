"""The first convolution of a spatial broadcast decoder (Watters et al. 2019), without the broadcast."""

import keras
from keras import ops

from tfobj.ops import coordinates
from tfobj.ops.constant_convolution import conv_of_constant


@keras.saving.register_keras_serializable(package="tfobj")
class BroadcastConvolution(keras.layers.Layer):
    """Convolves vectors that are repeated over a grid of coordinates.

    The weights are those of a `keras.layers.Conv2D` with stride 1 whose input channels are the vector, the constant if
    there is one, and the coordinates (row, column) from -1 to 1, and so is the result. But the vector and the constant
    are the same everywhere and the coordinates the same for every vector, so that neither needs a convolution of N
    maps.

    Input: [N, Z]. Output: [N, H, W, filters]; with "valid" padding the grid is larger, so that this is left of it.

    Args:
        image_size: Tuple (H, W), of the output.
        filters: int.
        kernel_size: int.
        constant: float, value of a channel that is the same everywhere; 0 for no such channel. Defaults to `0`.
        activation: str or None.
        kernel_initializer: As of Keras.
        bias_initializer: As of Keras.
        padding: str. `same` or `valid`. Defaults to `same`.
    """

    def __init__(self, image_size, filters, kernel_size, constant=0.0, activation=None,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros", padding="same", **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.filters = filters
        self.kernel_size = kernel_size
        self.constant = constant
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.padding = padding

    def build(self, input_shape):
        depth = input_shape[-1] + bool(self.constant) + 2
        shape = (self.kernel_size, self.kernel_size, depth, self.filters)
        self.taps = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer=self.bias_initializer, name="bias")

    def call(self, vectors):
        taps, vectors = ops.convert_to_tensor(self.taps), self.with_constant(vectors)
        depth = vectors.shape[-1]
        border = self.kernel_size - 1 if self.padding == "valid" else 0
        grid = coordinates.linear_grid(*(side + border for side in self.image_size))
        grid = ops.convert_to_tensor(grid, dtype=self.compute_dtype)
        everywhere = ops.conv(grid, taps[:, :, depth:], padding=self.padding, data_format="channels_last")  # [1,H,W,C]
        return self.activation(self._response(vectors, taps[:, :, :depth]) + (everywhere + self.bias))  # [N,H,W,C]

    def _response(self, vectors, taps):
        """The convolution of the vectors alone, [N,H,W,C], or [N,1,1,C] where it is the same everywhere."""
        if self.padding == "valid":
            return ops.matmul(vectors, ops.sum(taps, axis=(0, 1)))[:, None, None]
        return conv_of_constant(vectors, taps, self.image_size)

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
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "bias_initializer": keras.initializers.serialize(self.bias_initializer), "padding": self.padding}
