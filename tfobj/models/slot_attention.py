"""Slot Attention autoencoder for object discovery (Locatello et al. 2020, Section 3.2 and Tables 4 to 7)."""

import keras

from tfobj.layers.slot_attention import SlotAttention
from tfobj.models.object_model import NoiseSpec
from tfobj.models.slot_autoencoder import SlotAutoencoder
from tfobj.ops.precision import island_dtype


@keras.saving.register_keras_serializable(package="tfobj")
class SlotAttentionAutoencoder(SlotAutoencoder):
    """Encoder, Slot Attention and a broadcast decoder, trained to reconstruct the image.

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
        super().__init__(image_shape, num_slots, encoder_channels, encoder_strides, encoder_position_embedding,
                         decoder_channels, decoder_broadcast_size, decoder_strides, name=name,
                         attention_scale=attention_scale, attention_epsilon=attention_epsilon, **attention)
        # A float32 island: competition between slots decides on small differences, and it is cheap.
        self.slot_attention = SlotAttention(num_slots, scale=attention_scale or None, epsilon=attention_epsilon,
                                            name="slot_attention", dtype=island_dtype(), **attention)
        # Errors raised while Keras builds or calls a layer reach the user with pages of Keras' own text around them.
        self.slot_attention.check_feature_size(encoder_channels)
        self.decoder = self.make_decoder()

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        num_slots = num_slots or self.num_slots
        self.slot_attention.check_num_slots(num_slots)
        return {"slots": NoiseSpec((batch_size, num_slots, self.slot_attention.slot_size))}

    def slots_of(self, features, noise, num_iterations=None):
        attended = self.slot_attention.attend_map(features, noise["slots"], num_iterations)
        return {name: value for name, value in attended.items() if name != "iterates"}
