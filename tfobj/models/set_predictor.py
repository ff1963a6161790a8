"""The contract of models that predict the properties of all objects."""

from tfobj import properties
from tfobj.models.slot_model import SlotModel
from tfobj.ops import property_sets
from tfobj.ops.set_loss import pairing, pairwise_costs, set_loss


class SetPredictor(SlotModel):
    """Base class of models that learn, from labelled images, which objects there are.

    The loss is a function of the cheapest pairing of targets and predictions (Locatello et al. 2020, Section 4.2).
    With fewer objects than slots, rows of zeros take part, so that every slot learns whether it has an object; with
    more, the K objects that fit best do.

    Outputs of a call, all float32:
        `predictions` [B,K,19], one object per slot as in `tfobj.properties`; the presence is the confidence, in [0, 1].
            The rest is in [0, 1] where the subclass says so.
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
    def tested_iterations(self):
        """Numbers of iterations, a tuple, at which the papers score a model trained as this one; empty without any."""
        return ()

    @property
    def target_shape(self):
        """(K, 19)."""
        return self.num_slots, properties.NUM_PROPERTIES

    def compared(self, target, predictions):
        """Targets [B,N,19] and predictions [B,K,19] in the units in which the loss compares them: both."""
        return target, predictions

    def pairs(self, target, predictions):
        """Which object the loss compares with which slot.

        Args:
            target: float32 [B,N,19].
            predictions: float32 [B,K,19].

        Returns:
            float32 [B,max(N,K),K] of zeros and ones. Rows from N on stand for "no object".
        """
        target = property_sets.with_rows(target, predictions.shape[1])
        costs = pairwise_costs(*self.compared(target, predictions))
        return pairing(costs, self.matching, property_sets.is_padding(target))

    def distance(self, target, predictions):
        """Sum of the distances of the pairs: float32 [B]; arguments as of `pairs`."""
        target = property_sets.with_rows(target, predictions.shape[1])
        return set_loss(*self.compared(target, predictions), self.matching, property_sets.is_padding(target))

    def target_of(self, image, batch):
        """The objects of the images, float32 [B,N,19], from the factors in their batch."""
        del image
        return property_sets.property_targets(batch["objects"], batch["visibility"])
