"""What Slot Attention and its baseline have in common in object discovery: all but where the slots come from."""

from keras import ops

from tfobj.layers.convolutional_encoder import ConvolutionalEncoder
from tfobj.layers.spatial_broadcast_decoder import SpatialBroadcastDecoder
from tfobj.models.object_model import ObjectModel
from tfobj.ops.competition import softmax
from tfobj.ops.precision import at_least_float32


class SlotAutoencoder(ObjectModel):
    """Encoder, slots and a broadcast decoder, trained to reconstruct the image (Locatello et al. 2020, Section 3.2).

    Subclasses add what makes the slots, then the `decoder`, and implement `slots_of` and `noise_spec`. The paper's
    model works on [-1, 1]; images are mapped at entry and exit, and the loss is the mean squared error in [-1, 1], so
    that losses compare with published ones.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int. K in training.
        encoder_channels: int.
        encoder_strides: Sequence of int.
        encoder_position_embedding: bool.
        decoder_channels: int.
        decoder_broadcast_size: int, 0 for image size divided by the strides.
        decoder_strides: Sequence of int.
        **config: Every other constructor argument of the subclass, for `get_config`.

    Raises:
        UserError: the decoder cannot reach the image size.
    """

    def __init__(self, image_shape, num_slots, encoder_channels=64, encoder_strides=(1, 1, 1, 1),
                 encoder_position_embedding=True, decoder_channels=64, decoder_broadcast_size=8,
                 decoder_strides=(2, 2, 2, 2, 1), name=None, **config):
        super().__init__(
            image_shape, num_slots, name=name, encoder_channels=encoder_channels,
            encoder_strides=tuple(encoder_strides), encoder_position_embedding=encoder_position_embedding,
            decoder_channels=decoder_channels, decoder_broadcast_size=decoder_broadcast_size,
            decoder_strides=tuple(decoder_strides), **config)
        self.encoder = ConvolutionalEncoder(encoder_channels, encoder_strides, encoder_position_embedding,
                                            name="encoder")

    def make_decoder(self):
        """The decoder that the constructor's arguments describe."""
        *image_size, image_channels = self.image_shape
        options = (self._config[f"decoder_{name}"] for name in ("channels", "strides", "broadcast_size"))
        return SpatialBroadcastDecoder(tuple(image_size), image_channels + 1, *options, name="decoder")

    def slots_of(self, features, noise, num_iterations=None):
        """Computes the slots.

        Args:
            features: Float [B, h, w, F], what the encoder made of the images.
            noise: Dict as named by `noise_spec`.
            num_iterations: int or None. Overrides the number of iterations.

        Returns:
            Dict of `slots` [B,K,D] and further outputs of a call.
        """
        raise TypeError(f"{type(self).__name__} must define slots_of")

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        found = self.slots_of(self.encoder(image * 2.0 - 1.0), noise, num_iterations)
        return {**found, **self.decode(found["slots"])}

    def decode(self, slots):
        """Decodes slots [B, K, D] to `reconstruction`, `masks`, `components` and `slots`, see `ObjectModel`."""
        canvas = at_least_float32(self.decoder(slots))  # [B,K,H,W,C+1]
        masks = softmax(canvas[..., -1], axis=1)  # [B,K,H,W]
        components = canvas[..., :-1] * 0.5 + 0.5  # [B,K,H,W,C]
        reconstruction = ops.sum(masks[..., None] * components, axis=1)  # [B,H,W,C]
        return {"reconstruction": reconstruction, "masks": masks, "components": components,
                "slots": slots}

    def losses_of(self, target, outputs):
        """Returns `loss`, the mean squared error in [-1, 1] (Section E.4), and `mse`, the same error in [0, 1]."""
        reconstruction = outputs["reconstruction"]
        error = ops.square(ops.cast(target, reconstruction.dtype) - reconstruction)
        error = ops.mean(error, axis=(1, 2, 3))  # [B]
        return {"loss": 4.0 * error, "mse": error}
