"""A variational autoencoder of IODINE's parts: one latent for the whole image (Greff et al. 2019, Figures 5 and 6)."""

import math

import keras
from keras import ops

from tfobj.layers.coordinate_broadcast_decoder import CoordinateBroadcastDecoder
from tfobj.layers.pixel_density import PixelDensity, scale_of
from tfobj.layers.pooled_convolutions import PooledConvolutions
from tfobj.metrics.reconstruction import mse_mean
from tfobj.models.iodine import PIXEL_SCALE, PRIOR_VARIANCE
from tfobj.models.object_model import NoiseSpec, ObjectModel
from tfobj.models.scene_prior import ScenePrior
from tfobj.ops.coordinates import linear_grid
from tfobj.ops.distributions import log_softplus, mixture_log_likelihood, normal_kl
from tfobj.ops.precision import at_least_float32, island_dtype


@keras.saving.register_keras_serializable(package="tfobj")
class Vae(ScenePrior, ObjectModel):
    """Encodes the image once, samples a latent and paints the whole image from it.

    IODINE's paper compares with a VAE whose architecture it does not give. Here it is what is left of IODINE without
    slots and iterations: the convolutions of the refinement network over the image and two coordinates, the broadcast
    decoder without masks, the same density of pixels and the same prior.

    With one slot its mask is 1 everywhere. More slots are more samples of the same posterior, each with mask 1 / K: a
    mixture of K pictures with equal weights. A scene from the prior has one slot unless more are asked for.

    Outputs besides the contract's, whose `slots` are the means of the posterior: `latents`, `latent_mean`,
    `latent_std` [B,K,Z], sample and posterior; `nll` [B], the negative log-likelihood in nats; `kl` [B,K].

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int. K in training.
        latent_size: int. Z.
        encoder_filters: Sequence of int.
        encoder_units: int.
        decoder_filters: Sequence of int.
        kernel_size: int.
        pixel_density: str. `normal` or `logistic`.
        pixel_scale: float. Scale of the density, 0 for IODINE's, -1 for one that is trained.
        latent_prior: str. `ln2` or `unit`, the variance of the prior.
    """

    def __init__(self, image_shape, num_slots=1, latent_size=64, encoder_filters=(64, 64, 64, 64), encoder_units=256,
                 decoder_filters=(64, 64, 64, 64), kernel_size=3, pixel_density="logistic", pixel_scale=0.0,
                 latent_prior="ln2", name=None):
        super().__init__(image_shape, num_slots, name=name, latent_size=latent_size,
                         encoder_filters=tuple(encoder_filters), encoder_units=encoder_units,
                         decoder_filters=tuple(decoder_filters), kernel_size=kernel_size, pixel_density=pixel_density,
                         pixel_scale=pixel_scale, latent_prior=latent_prior)
        *image_size, channels = self.image_shape
        self.latent_size, self.prior_std = latent_size, math.sqrt(PRIOR_VARIANCE[latent_prior])
        self.encoder = PooledConvolutions(encoder_filters, kernel_size, (encoder_units, 2 * latent_size),
                                          name="encoder", autocast=False)
        self.decoder = CoordinateBroadcastDecoder(image_size, channels, decoder_filters, kernel_size, name="decoder")
        scale = scale_of(pixel_scale, PIXEL_SCALE[pixel_density])
        self.pixel_density = PixelDensity(pixel_density, scale, name="pixel_density", dtype=island_dtype())

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        return {"slots": NoiseSpec((batch_size, num_slots or self.num_slots, self.latent_size))}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        grid = ops.convert_to_tensor(linear_grid(*self.image_shape[:2])[..., ::-1], dtype=image.dtype)  # x, y
        grid = ops.broadcast_to(grid, (ops.shape(image)[0], *grid.shape[1:]))
        mean, raw = ops.split(self.encoder(ops.concatenate([image, grid], axis=-1))[:, None], 2, axis=-1)  # [B,1,Z]
        log_variance = log_softplus(raw)
        draws = ops.cast(noise["slots"], mean.dtype)  # [B,K,Z]
        mean, std = mean + ops.zeros_like(draws), ops.exp(0.5 * log_variance) + ops.zeros_like(draws)
        latents = mean + std * draws
        painted = self.decode(latents)
        log_densities = self.pixel_density(painted["components"], image)
        log_likelihood = mixture_log_likelihood(ops.log(painted["masks"]), log_densities, joint_channels=True)
        kl = normal_kl(mean, ops.softplus(raw), 0.0, self.prior_std ** 2, log_variance)
        return {**painted, "slots": mean, "latents": latents, "latent_mean": mean, "latent_std": std,
                "nll": -ops.sum(log_likelihood, axis=(1, 2)), "kl": ops.sum(kl, axis=-1)}

    def decode(self, latents):
        """Paints latents.

        Args:
            latents: float [B,K,Z].

        Returns:
            Dict of `reconstruction`, `masks`, `components` and `slots`, as in `call`.
        """
        components = at_least_float32(self.decoder(latents))  # [B,K,H,W,C]
        masks = ops.ones_like(components[..., 0]) / components.shape[1]
        return {"masks": masks, "components": components, "reconstruction": ops.mean(components, axis=1),
                "slots": latents}

    def sample_noise_spec(self, batch_size, num_slots=None):
        return self.noise_spec(batch_size, num_slots or 1)

    def sample(self, noise):
        return self.completed(self.decode(self.prior_std * at_least_float32(noise["slots"])))

    def losses_of(self, target, outputs):
        """Returns `loss`, the negative evidence lower bound in nats; its parts `nll` and `kl`; and `mse`."""
        kl = ops.sum(outputs["kl"], axis=1)
        return {"loss": outputs["nll"] + kl, "nll": outputs["nll"], "kl": kl,
                "mse": mse_mean(target, outputs["reconstruction"])}
