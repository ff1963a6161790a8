"""The contract of models that predict the properties of all objects."""

from keras import ops

from tfobj import properties
from tfobj.models.slot_model import SlotModel
from tfobj.ops import property_sets
from tfobj.ops.set_loss import set_loss


class SetPredictor(SlotModel):
    """Base class of models that learn, from labelled images, which objects there are.

    Outputs of a call, all float32:
        `predictions` [B,K,19], one object per slot as in `tfobj.properties`; the presence is the confidence.
        `slots` [B,K,D].
        `iteration_predictions` [B,T,K,19], where the loss takes the predictions of every iteration.
        `attention` [B,T,K,h,w], where the slots come from attention: what each of them looks at.
        Further keys as the subclass documents.

    The loss is the sum over the cheapest pairing of targets and predictions (Slot Attention, Section 4.2). Targets have
    as many rows as there are predictions: rows of zeros are added, so that every slot learns whether it has an object,
    or left out. Of images with more than K objects, only K take part.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int.
        matching: str, see `tfobj.ops.matching.assignment`.
        coordinate_scale: float. The loss takes coordinates as numbers in [0, coordinate_scale].
        **config: Every other constructor argument of the subclass, for `get_config`.
    """

    task = "set_prediction"
    needs_factors = True

    def __init__(self, image_shape, num_slots, matching="auto", coordinate_scale=1.0, name=None, **config):
        super().__init__(image_shape, num_slots, name=name, matching=matching, coordinate_scale=coordinate_scale,
                         **config)
        self.matching = matching
        self.weights_of_properties = property_sets.coordinate_weights(coordinate_scale)

    @property
    def target_shape(self):
        """(K, 19)."""
        return self.num_slots, properties.NUM_PROPERTIES

    def target_of(self, image, batch):
        """The objects of the images, float32 [B,N,19], from the factors in their batch."""
        del image
        return property_sets.property_targets(batch["objects"], batch["visibility"])

    def losses_of(self, target, outputs):
        """Computes the loss terms of each image.

        Args:
            target: float32 [B,N,19].
            outputs: What `call` returned.

        Returns:
            Dict of float32 [B]: `loss`.
        """
        return {"loss": self.distance(target, outputs["predictions"])}

    def distance(self, target, predictions):
        """Loss of one set of predictions [B,K,19] against targets [B,N,19]: float32 [B]."""
        target = property_sets.with_rows(target, predictions.shape[1])
        weights = ops.convert_to_tensor(self.weights_of_properties, dtype=predictions.dtype)
        return set_loss(ops.cast(target, predictions.dtype) * weights, predictions * weights, self.matching)
