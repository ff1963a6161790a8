"""Slot Attention for set prediction (Locatello et al. 2020, Sections 3.3 and 4.2)."""

import keras
from keras import ops

from tfobj.layers.slot_attention import SlotAttention
from tfobj.models.object_model import NoiseSpec
from tfobj.models.property_predictor import PropertyPredictor
from tfobj.ops.precision import island_dtype


@keras.saving.register_keras_serializable(package="tfobj")
class SlotAttentionSetPredictor(PropertyPredictor):
    """Encoder, Slot Attention, and a network that reads the properties of one object from every slot.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int. K in training.
        encoder_channels: int.
        encoder_strides: Sequence of int.
        encoder_position_embedding: bool.
        head_hidden_size: int.
        matching: str, see `tfobj.ops.matching.assignment`.
        coordinate_scale: float, see `PropertyPredictor`.
        iteration_loss: str. `last`: the loss is that of the slots after the last iteration; `mean` or `sum`: over all
            iterations, each paired by itself (Appendix C.2).
        attention_scale: float, 0 for `slot_size ** -0.5`.
        attention_epsilon: float.
        **attention: The remaining arguments of `SlotAttention`.

    Raises:
        UserError: an option is unknown, or there are no projections and `encoder_channels` is not the slot size.
    """

    def __init__(self, image_shape, num_slots=10, encoder_channels=64, encoder_strides=(1, 2, 2, 1),
                 encoder_position_embedding=True, head_hidden_size=64, matching="auto", coordinate_scale=1.0,
                 iteration_loss="last", attention_scale=0.0, attention_epsilon=1e-8, name=None, **attention):
        super().__init__(image_shape, num_slots, encoder_channels, encoder_strides, encoder_position_embedding,
                         head_hidden_size, coordinate_scale, name=name, matching=matching,
                         iteration_loss=iteration_loss, attention_scale=attention_scale,
                         attention_epsilon=attention_epsilon, **attention)
        self.iteration_loss = iteration_loss
        self.slot_attention = SlotAttention(num_slots, scale=attention_scale or None, epsilon=attention_epsilon,
                                            name="slot_attention", dtype=island_dtype(), **attention)
        self.slot_attention.check_feature_size(encoder_channels)
        self.head = self.make_head()

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        num_slots = num_slots or self.num_slots
        self.slot_attention.check_num_slots(num_slots)
        return {"slots": NoiseSpec((batch_size, num_slots, self.slot_attention.slot_size))}

    @property
    def tested_iterations(self):
        """From T to T + 4 (Figure 5, centre)."""
        trained = self.slot_attention.num_iterations
        return tuple(range(trained, trained + 5))

    def slots_of(self, features, noise, num_iterations=None):
        attended = self.slot_attention.attend_map(features, noise["slots"], num_iterations)
        iterates = attended.pop("iterates")
        if self.iteration_loss != "last":
            attended["iteration_predictions"] = self.head(ops.stack(iterates or [attended["slots"]], axis=1))
        return attended

    def losses_of(self, target, outputs):
        """Returns `loss`, and where it is that of all iterations, `last`, the loss of the last one."""
        last = super().losses_of(target, outputs)["loss"]
        if self.iteration_loss == "last":
            return {"loss": last}
        steps = outputs["iteration_predictions"]
        losses = ops.stack([self.distance(target, steps[:, step]) for step in range(steps.shape[1])], axis=1)  # [B,T]
        reduce = {"mean": ops.mean, "sum": ops.sum}[self.iteration_loss]
        return {"loss": reduce(losses, axis=1), "last": last}
