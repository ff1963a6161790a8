"""Slot MLP, the baseline of Slot Attention in set prediction (Locatello et al. 2020, Section E.6 and Table 9)."""

import keras

from tfobj.layers.slot_mlp import SlotMlp
from tfobj.models.property_predictor import PropertyPredictor
from tfobj.ops.precision import at_least_float32


@keras.saving.register_keras_serializable(package="tfobj")
class SlotMlpSetPredictor(PropertyPredictor):
    """The set predictor of Slot Attention with slots that dense layers read from the whole feature map.

    It draws no noise. K is fixed by the weights.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int.
        slot_size: int.
        slot_mlp_sizes: Sequence of int. Units of the dense layers before the slots.
        shared_mlp_size: int. Units of the two layers behind, which the slots share; 0 for none.
        **predictor: The remaining arguments of `PropertyPredictor`.
    """

    def __init__(self, image_shape, num_slots=10, slot_size=64, slot_mlp_sizes=(512, 512), shared_mlp_size=0,
                 name=None, **predictor):
        super().__init__(image_shape, num_slots, name=name, slot_size=slot_size, slot_mlp_sizes=tuple(slot_mlp_sizes),
                         shared_mlp_size=shared_mlp_size, **predictor)
        self.slot_mlp = SlotMlp(num_slots, slot_size, slot_mlp_sizes, shared_mlp_size, name="slot_mlp")
        self.head = self.make_head()

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        self.slot_mlp.check_num_slots(num_slots or self.num_slots)
        return {}

    def slots_of(self, features, noise, num_iterations=None):
        return {"slots": at_least_float32(self.slot_mlp(features))}
