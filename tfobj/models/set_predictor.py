"""The contract of models that predict the properties of all objects."""

from tfobj import properties
from tfobj.models.slot_model import SlotModel
from tfobj.ops import property_sets


class SetPredictor(SlotModel):
    """Base class of models that learn, from labelled images, which objects there are.

    Outputs of a call, all float32:
        `predictions` [B,K,19], one object per slot as in `tfobj.properties`; the presence is the confidence.
        `slots` [B,K,D].
        `iteration_predictions` [B,T,K,19], where the loss takes the predictions of every iteration.
        `attention` [B,T,K,h,w], where the slots come from attention: what each of them looks at.
        Further keys as the subclass documents.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int.
        matching: str, see `tfobj.ops.matching.assignment`.
        **config: Every other constructor argument of the subclass, for `get_config`.
    """

    task = "set_prediction"
    needs_factors = True

    def __init__(self, image_shape, num_slots, matching="auto", name=None, **config):
        super().__init__(image_shape, num_slots, name=name, matching=matching, **config)
        self.matching = matching

    @property
    def target_shape(self):
        """(K, 19)."""
        return self.num_slots, properties.NUM_PROPERTIES

    def target_of(self, image, batch):
        """The objects of the images, float32 [B,N,19], from the factors in their batch."""
        del image
        return property_sets.property_targets(batch["objects"], batch["visibility"])
