"""Slot Attention autoencoder for object discovery (Locatello et al. 2020, Section 3.2 and Tables 4 to 7)."""

import keras
from keras import ops

from tfobj.layers.convolutional_encoder import ConvolutionalEncoder
from tfobj.layers.slot_attention import SlotAttention
from tfobj.layers.spatial_broadcast_decoder import SpatialBroadcastDecoder
from tfobj.models.object_model import NoiseSpec, ObjectModel
from tfobj.ops.competition import softmax
from tfobj.ops.precision import at_least_float32, island_dtype


@keras.saving.register_keras_serializable(package="tfobj")
class SlotAttentionAutoencoder(ObjectModel):
    """Encoder, Slot Attention and a broadcast decoder, trained to reconstruct the image.

    The paper's model works on [-1, 1]; images are mapped at entry and exit, and the loss is the mean squared error
    in [-1, 1], so that losses compare with published ones.

    Extra outputs: `attention` [B, T, K, h, w], the attention of each iteration on the encoder's grid.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int. K in training.
        encoder_channels: int.
        encoder_strides: Sequence of int.
        encoder_position_embedding: bool.
        decoder_channels: int.
        decoder_broadcast_size: int, 0 for image size divided by the strides.
        decoder_strides: Sequence of int.
        attention_scale: float, 0 for `slot_size ** -0.5`.
        attention_epsilon: float.
        **attention: The remaining arguments of `SlotAttention`.

    Raises:
        UserError: the decoder cannot reach the image size, an option is unknown, or there are no projections and
            `encoder_channels` is not the slot size.
    """

    def __init__(self, image_shape, num_slots=7, encoder_channels=64, encoder_strides=(1, 1, 1, 1),
                 encoder_position_embedding=True, decoder_channels=64, decoder_broadcast_size=8,
                 decoder_strides=(2, 2, 2, 2, 1), attention_scale=0.0, attention_epsilon=1e-8, name=None, **attention):
        super().__init__(
            image_shape, num_slots, name=name, encoder_channels=encoder_channels,
            encoder_strides=tuple(encoder_strides), encoder_position_embedding=encoder_position_embedding,
            decoder_channels=decoder_channels, decoder_broadcast_size=decoder_broadcast_size,
            decoder_strides=tuple(decoder_strides), attention_scale=attention_scale,
            attention_epsilon=attention_epsilon, **attention)
        *image_size, image_channels = self.image_shape
        self.encoder = ConvolutionalEncoder(encoder_channels, encoder_strides, encoder_position_embedding,
                                            name="encoder")
        # A float32 island: competition between slots decides on small differences, and it is cheap.
        self.slot_attention = SlotAttention(num_slots, scale=attention_scale or None, epsilon=attention_epsilon,
                                            name="slot_attention", dtype=island_dtype(), **attention)
        # Errors raised while Keras builds or calls a layer reach the user with pages of Keras' own text around them.
        self.slot_attention.check_feature_size(encoder_channels)
        self.decoder = SpatialBroadcastDecoder(tuple(image_size), image_channels + 1, decoder_channels,
                                               decoder_strides, decoder_broadcast_size, name="decoder")

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        num_slots = num_slots or self.num_slots
        self.slot_attention.check_num_slots(num_slots)
        return {"slots": NoiseSpec((batch_size, num_slots, self.slot_attention.slot_size))}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        features = self.encoder(image * 2.0 - 1.0)  # [B,h,w,F]
        height, width, size = features.shape[1:]
        inputs = ops.reshape(features, (-1, height * width, size))  # [B,N,F]
        attended = self.slot_attention(inputs, noise=noise["slots"], num_iterations=num_iterations)
        outputs = self.decode(attended["slots"])
        if attended["attention"]:
            attention = ops.transpose(ops.stack(attended["attention"], axis=1), (0, 1, 3, 2))  # [B,T,K,N]
            outputs["attention"] = ops.reshape(attention, (*ops.shape(attention)[:3], height, width))  # [B,T,K,h,w]
        return outputs

    def decode(self, slots):
        """Decodes slots [B, K, D] to `reconstruction`, `masks`, `components` and `slots`, see `call`."""
        canvas = at_least_float32(self.decoder(slots))  # [B,K,H,W,C+1]
        masks = softmax(canvas[..., -1], axis=1)  # [B,K,H,W]
        components = canvas[..., :-1] * 0.5 + 0.5  # [B,K,H,W,C]
        reconstruction = ops.sum(masks[..., None] * components, axis=1)  # [B,H,W,C]
        return {"reconstruction": reconstruction, "masks": masks, "components": components,
                "slots": slots}

    def losses_of(self, image, outputs):
        """Returns `loss`, the mean squared error in [-1, 1] (Section E.4), and `mse`, the same error in [0, 1]."""
        reconstruction = outputs["reconstruction"]
        error = ops.square(ops.cast(image, reconstruction.dtype) - reconstruction)
        error = ops.mean(error, axis=(1, 2, 3))  # [B]
        return {"loss": 4.0 * error, "mse": error}
