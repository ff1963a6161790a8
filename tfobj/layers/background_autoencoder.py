"""The background model of AST-Seg: an autoencoder with 16 numbers in the middle, which also predicts its own error."""

import keras
from keras import ops

from tfobj.layers.coordinate_convolution import CoordinateConvolution
from tfobj.ops.convolution_geometry import reductions
from tfobj.ops.precision import at_least_float32

_LATENT_SIZE, _OUTPUTS = 16, 4
# (number of convolutions, complexity) -> channels of encoder and decoder.
_CHANNELS = {
    (5, "simple"): ((64, 160, 160, 32, 16), (32, 256, 256, 144, 4)),
    (5, "complex"): ((64, 160, 160, 16, 16), (16, 640, 640, 144, 4)),
    (6, "simple"): ((64, 160, 320, 160, 32, 16), (32, 256, 512, 256, 144, 4)),
    (6, "complex"): ((64, 160, 320, 160, 16, 16), (16, 640, 1280, 640, 144, 4)),
    (7, "simple"): ((64, 160, 320, 160, 160, 32, 16), (32, 256, 256, 512, 256, 144, 4)),
    (7, "complex"): ((64, 320, 640, 640, 320, 16, 16), (16, 320, 640, 1280, 640, 144, 4)),
}
_TINY = 16


def background_channels(image_size, complexity):
    """Published channels of the background model.

    Args:
        image_size: Tuple (H, W).
        complexity: str, `simple` (one background) or `complex`; `tiny`: 16 channels, ours, for tests and smoke runs.

    Returns:
        Tuple of two tuples, of encoder and decoder.

    Raises:
        UserError: the size does not fit.
    """
    count = len(reductions(image_size))
    if complexity == "tiny":
        return (_TINY,) * (count - 1) + (_LATENT_SIZE,), (_TINY,) * (count - 1) + (_OUTPUTS,)
    return _CHANNELS[count, complexity]


@keras.saving.register_keras_serializable(package="tfobj")
class BackgroundAutoencoder(keras.layers.Layer):
    """Convolutions with coordinates from the image to one pixel of 16 numbers, and the way back.

    Input: images [B, H, W, 3] in [0, 1]. Output: float32 or wider [B, H, W, 4] in (0, 1), the colours of the background
    and the predicted error, as `tfobj.ops.robust_loss` has it.

    Args:
        image_size: Tuple (H, W).
        encoder_channels: Sequence of int, one for each convolution; the last is the size of the latent.
        decoder_channels: Sequence of int, one for each convolution; the last is 4.

    Raises:
        UserError: the size does not fit.
    """

    def __init__(self, image_size, encoder_channels, decoder_channels, **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.encoder_channels = tuple(encoder_channels)
        self.decoder_channels = tuple(decoder_channels)
        steps = reductions(self.image_size)

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.encoder = [
            CoordinateConvolution(width, step.input_size, step.output_size, step.kernel_size, step.strides,
                                  step.padding, name=f"encoder{i}", **common)
            for i, (width, step) in enumerate(zip(self.encoder_channels, steps, strict=True))]
        self.decoder = [
            CoordinateConvolution(width, step.output_size, step.input_size, step.kernel_size, step.strides,
                                  step.padding, transposed=True, linear=i == len(steps) - 1, name=f"decoder{i}",
                                  **common)
            for i, (width, step) in enumerate(zip(self.decoder_channels, reversed(steps), strict=True))]

    def build(self, input_shape):
        depth = input_shape[-1]
        for layer in (*self.encoder, *self.decoder):
            layer.build((None, None, None, depth))
            depth = layer.options["channels"]

    def call(self, image):
        return self.decode(self.encode(image))

    def encode(self, image):
        """The latent [B, 16] of images in [0, 1]; the network itself sees 0 to 255."""
        maps = ops.cast(image, self.compute_dtype) * 255.0
        for layer in self.encoder:
            maps = layer(maps)
        return maps[:, 0, 0]

    def decode(self, latent):
        """The output of a latent [B, 16], see the class."""
        maps = latent[:, None, None]  # [B,1,1,16]
        for layer in self.decoder:
            maps = layer(maps)
        return ops.sigmoid(at_least_float32(maps))  # [B,H,W,4]

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "encoder_channels": self.encoder_channels,
                "decoder_channels": self.decoder_channels}
