"""Deep Set Prediction Networks (Zhang et al. 2019), a baseline of Slot Attention in set prediction."""

import keras
from keras import ops

from tfobj import properties
from tfobj.errors import UserError
from tfobj.layers.batch_normalization import BatchNormalization
from tfobj.layers.gradient_set_decoder import GradientSetDecoder
from tfobj.layers.padded_convolution import PaddedConvolution
from tfobj.layers.residual_network import ResidualNetwork
from tfobj.models.set_predictor import SetPredictor
from tfobj.ops import property_sets
from tfobj.ops.precision import at_least_float32, island_dtype


@keras.saving.register_keras_serializable(package="tfobj")
class Dspn(SetPredictor):
    """A residual network encodes the image, gradient descent finds a set whose encoding is the same.

    Elements have coordinates in [-1, 1] and the codes of the classes, 18 numbers; their mask is the presence. Only the
    mask is clipped, to [0, 1]; the rest of the predictions may lie outside. It draws no noise, and K is fixed by the
    learned start. As in the authors' code, the loss compares the final set, and the batch size of 32 in its inner
    learning rate is part of ours.

    Extra outputs: `latents` [B, Z], the encoding of the image, and where all steps have a loss,
    `iteration_predictions` [B, T, K, 19].

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int. Elements of the set.
        num_iterations: int. Steps of the inner gradient descent.
        encoder_channels: int. Channels of the first stage of the residual network.
        encoder_blocks: Sequence of int. Blocks of its stages.
        latent_size: int Z.
        set_hidden_size: int.
        num_pieces: int. See `FsPool`.
        inner_learning_rate: float.
        representation_weight: float. Weight of the distance between the encodings of the image and of the true set.
        iteration_loss: str. `last` or `mean`: which steps have a loss.
        matching: str, see `tfobj.ops.matching.assignment`.
    """

    def __init__(self, image_shape, num_slots=10, num_iterations=10, encoder_channels=64, encoder_blocks=(3, 4, 6, 3),
                 latent_size=512, set_hidden_size=512, num_pieces=20, inner_learning_rate=25.0,
                 representation_weight=0.1, iteration_loss="last", matching="auto", name=None):
        super().__init__(
            image_shape, num_slots, matching, name=name, num_iterations=num_iterations,
            encoder_channels=encoder_channels, encoder_blocks=tuple(encoder_blocks), latent_size=latent_size,
            set_hidden_size=set_hidden_size, num_pieces=num_pieces, inner_learning_rate=inner_learning_rate,
            representation_weight=representation_weight, iteration_loss=iteration_loss)
        self.iteration_loss, self.representation_weight = iteration_loss, representation_weight
        self.encoder = ResidualNetwork(encoder_channels, encoder_blocks, name="encoder")
        *sides, channels = self.encoder.compute_output_shape((None, *self.image_shape))[1:]
        self.tail0 = PaddedConvolution(channels, 3, 2, name="tail0")
        self.tail_norm = BatchNormalization(name="tail_norm")
        # What is left of the map, 2x2 of 128x128 pixels, becomes one vector.
        self.tail1 = keras.layers.Conv2D(latent_size, [-(-side // 2) for side in sides], name="tail1")
        # A float32 island: large steps follow the gradient of small differences.
        self.decoder = GradientSetDecoder(num_slots, properties.PRESENCE, latent_size, set_hidden_size, num_pieces,
                                          num_iterations, inner_learning_rate, name="decoder", dtype=island_dtype())

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        if num_slots not in (None, self.num_slots):
            raise UserError(f"num_slots={num_slots} but DSPN has learned a start of exactly {self.num_slots} elements; "
                            f"keep --num_slots={self.num_slots}")
        return {}

    @property
    def tested_iterations(self):
        """T, 2 T and 3 T: 10, 20, 30."""
        return tuple(factor * self.decoder.num_iterations for factor in (1, 2, 3))

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        latents = self.tail1(self.tail_norm(self.tail0(self.encoder(image))))  # [B,1,1,Z]
        latents = ops.reshape(at_least_float32(latents), (-1, latents.shape[-1]))  # [B,Z]
        trace = self.decoder(latents, num_iterations=num_iterations)
        predictions = [_to_rows(*step) for step in zip(trace["sets"], trace["masks"])]
        outputs = {"predictions": predictions[-1], "slots": trace["sets"][-1], "latents": latents}
        if self.iteration_loss == "mean":
            outputs["iteration_predictions"] = ops.stack(predictions[1:] or predictions, axis=1)
        return outputs

    def losses_of(self, target, outputs):
        """Computes the loss terms of each image.

        Args:
            target: float32 [B,N,19].
            outputs: What `call` returned.

        Returns:
            Dict of float32 [B]: `set`, the mean distance of paired elements; `representation`, that of the encodings of
            the image and of the true set; `loss`, the former plus `representation_weight` times the latter.
        """
        elements = _to_true_elements(property_sets.first_objects(target, self.num_slots))
        encoded = self.decoder.distance(outputs["latents"], elements[..., :-1], elements[..., -1])
        steps = outputs.get("iteration_predictions", outputs["predictions"][:, None])  # [B,T,K,19]
        distances = [self.distance(target, steps[:, step]) for step in range(steps.shape[1])]
        distance = ops.mean(ops.stack(distances, axis=1), axis=1) / float(self.num_slots)
        return {"loss": distance + self.representation_weight * encoded, "set": distance, "representation": encoded}

    def compared(self, target, predictions):
        """Both as elements, with coordinates in [-1, 1]."""
        return _to_true_elements(target), _to_elements(predictions)


def _to_true_elements(rows):
    """`_to_elements` of targets, whose padding are zeros there, too."""
    return _to_elements(rows) * rows[..., properties.PRESENCE:]


def _to_rows(elements, mask):
    """Elements [B,K,18] with coordinates in [-1, 1] and their mask [B,K] as predictions [B,K,19]."""
    rows = ops.concatenate([elements, mask[..., None]], axis=-1)
    scale, start = _affine(rows.dtype)
    return (rows - start) / scale


def _to_elements(rows):
    """The inverse: [B,K,19] with coordinates in [0, 1] to [B,K,19], the mask last."""
    scale, start = _affine(rows.dtype)
    return ops.cast(rows, scale.dtype) * scale + start


def _affine(dtype):
    """What takes coordinates from [0, 1] to [-1, 1] and leaves the rest: two tensors [19]."""
    scale = property_sets.coordinate_weights(2.0)
    return (ops.convert_to_tensor(values, dtype=dtype) for values in (scale, 1.0 - scale))
