"""What Slot Attention and its baseline have in common in set prediction: all but where the slots come from."""

from keras import ops

from tfobj.layers.convolutional_encoder import ConvolutionalEncoder
from tfobj.layers.property_head import PropertyHead
from tfobj.models.set_predictor import SetPredictor
from tfobj.ops import property_sets
from tfobj.ops.precision import island_dtype


class PropertyPredictor(SetPredictor):
    """Encoder, slots, and a network that reads the properties from each (Locatello et al. 2020, Section 3.3).

    Subclasses add what makes the slots, then the `head`, and implement `slots_of` and `noise_spec`. The paper's model
    works on [-1, 1]; images are mapped at entry.

    The loss is the sum over the pairs. Predictions are in [0, 1].

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int. K in training.
        encoder_channels: int.
        encoder_strides: Sequence of int.
        encoder_position_embedding: bool.
        head_hidden_size: int.
        coordinate_scale: float. The loss takes coordinates as numbers in [0, coordinate_scale] (Appendix C.2).
        **config: Further arguments of `SetPredictor`, and of the subclass, for `get_config`.
    """

    def __init__(self, image_shape, num_slots, encoder_channels=64, encoder_strides=(1, 2, 2, 1),
                 encoder_position_embedding=True, head_hidden_size=64, coordinate_scale=1.0, name=None,
                 **config):
        super().__init__(image_shape, num_slots, name=name, encoder_channels=encoder_channels,
                         encoder_strides=tuple(encoder_strides), encoder_position_embedding=encoder_position_embedding,
                         head_hidden_size=head_hidden_size, coordinate_scale=coordinate_scale, **config)
        self.weights_of_properties = property_sets.coordinate_weights(coordinate_scale)
        self.encoder = ConvolutionalEncoder(encoder_channels, encoder_strides, encoder_position_embedding,
                                            name="encoder")

    def make_head(self):
        """The network that the constructor's arguments describe; float32, for the ranking by confidence."""
        return PropertyHead(self._config["head_hidden_size"], name="head", dtype=island_dtype())

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
        return {**found, "predictions": self.head(found["slots"])}

    def losses_of(self, target, outputs):
        """Computes the loss terms of each image.

        Args:
            target: float32 [B,N,19].
            outputs: What `call` returned.

        Returns:
            Dict of float32 [B]: `loss`.
        """
        return {"loss": self.distance(target, outputs["predictions"])}

    def compared(self, target, predictions):
        """Both with coordinates in [0, coordinate_scale]."""
        weights = ops.convert_to_tensor(self.weights_of_properties, dtype=predictions.dtype)
        return ops.cast(target, predictions.dtype) * weights, predictions * weights
