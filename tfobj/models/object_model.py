"""The contract of models that explain an image by masked components."""

from keras import ops

from tfobj.models.slot_model import SlotModel
from tfobj.noise import NoiseSpec


class ObjectModel(SlotModel):
    """Base class of models that find objects: an image goes in, K slots with masks and appearances come out.

    Outputs of a call, all float32 unless said otherwise:
        `reconstruction` [B,H,W,C] in [0,1], unclipped.
        `masks` [B,K,H,W], sum to 1 over K.
        `components` [B,K,H,W,C], appearance of each slot in [0,1], unclipped.
        `slots` [B,K,D].
        `segmentation` int32 [B,H,W], argmax of `masks`, lowest index on ties; added here.
        Further keys as the subclass documents.

    Attributes:
        background_slot: int or None. Index of the slot that is always the background, if there is one.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int.
        **config: Every other constructor argument of the subclass, for `get_config`.
    """

    task = "object_discovery"
    background_slot = None

    def completed(self, outputs):
        """Adds `segmentation`."""
        return {**outputs, "segmentation": ops.cast(ops.argmax(outputs["masks"], axis=1), "int32")}


__all__ = ["NoiseSpec", "ObjectModel"]
