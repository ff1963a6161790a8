"""GENESIS (Engelcke et al. 2020), as the authors of GENESIS-V2 compare with it."""

import keras
from keras import ops

from tfobj.layers.autoregressive_prior import AutoregressivePrior
from tfobj.layers.component_decoder import ComponentDecoder
from tfobj.layers.component_encoder import ComponentEncoder
from tfobj.layers.component_prior import ComponentPrior
from tfobj.layers.gated_decoder import GatedDecoder
from tfobj.layers.gated_encoder import GatedEncoder
from tfobj.layers.recurrent_posterior import RecurrentPosterior
from tfobj.models.generative_model import GenerativeModel
from tfobj.models.object_model import NoiseSpec
from tfobj.ops.distributions import mixture_error, sampled_kl
from tfobj.ops.precision import at_least_float32
from tfobj.ops.scales import posterior_moments
from tfobj.ops.slots import fold, masked_images, painted, unfold
from tfobj.ops.stick_breaking import log_masks_of_logits

_ACTIVATION = "elu"


@keras.saving.register_keras_serializable(package="tfobj")
class Genesis(GenerativeModel):
    """Two latents for every slot: one that says where it is, inferred slot after slot, and one that says what it is.

    The image is encoded once; a recurrent posterior gives the latents of the masks, gated convolutions paint their
    logits, stick-breaking makes masks of them, the last of which is what the others left. What each mask shows is
    encoded and painted by a second, shared autoencoder. Batch normalisation uses the batch in training, moving
    statistics otherwise. The released code draws scenes with the K of training alone; the prior goes on for others.

    Extra outputs, float32, M the size of the latents of masks, D that of both together:
        `log_masks` [B,K,H,W], logarithm of `masks`.
        `slots` [B,K,D], posterior means; `latent_std` [B,K,D]; `latents` [B,K,D], the sample: masks first.
        `kl` [B,K], one-sample estimate of the divergence of both latents from their prior; may be negative;
        `mask_kl` [B,K], the part of the latents of masks.

    Args:
        image_shape: Tuple (H, W, C), see `gated_geometry`.
        num_slots: int. K.
        mask_latent_size: int. M.
        latent_size: int. Size of the latents of components.
        encoder_filters: Sequence of five ints. Of the gated encoder.
        decoder_filters: Sequence of six ints. Of the gated decoder.
        component_channels: int. Width of the autoencoder of components.
        hidden_size: int. Features of the image, units of the prior's networks and of the components' encoder.
        encoder_norm: str. Normalisation of the gated encoder, see `GatedConvolution`.
        decoder_norm: str. Normalisation of the gated decoder.
        autoregressive_prior: bool. False: the latents of masks have a standard normal prior.
        component_prior: bool. False: the latents of components have a standard normal prior.
        two_stage: bool. False: GENESIS-S, which paints components from the latents of masks; there are no others.
        symmetric_components: bool. The autoencoder of components is made of gated convolutions, too.
        reference_sampling: bool. `sample` leaves out a tanh of the prior, as the released code does.
        pixel_std: float. Standard deviation of a pixel, in the second and later slots.
        first_pixel_std: float. The same in the first slot.
        **schedule: Arguments of `GenerativeModel` for the weight of the divergences.

    Raises:
        UserError: the images do not fit, or an option is unknown.
    """

    def __init__(self, image_shape, num_slots=7, mask_latent_size=64, latent_size=16,
                 encoder_filters=(32, 32, 64, 64, 64), decoder_filters=(64, 64, 32, 32, 32, 32), component_channels=32,
                 hidden_size=256, encoder_norm="bn", decoder_norm="bn", autoregressive_prior=True, component_prior=True,
                 two_stage=True, symmetric_components=False, reference_sampling=False, pixel_std=0.7,
                 first_pixel_std=0.7, name=None, **schedule):
        super().__init__(
            image_shape, num_slots, name=name, mask_latent_size=mask_latent_size, latent_size=latent_size,
            encoder_filters=tuple(encoder_filters), decoder_filters=tuple(decoder_filters),
            component_channels=component_channels, hidden_size=hidden_size, encoder_norm=encoder_norm,
            decoder_norm=decoder_norm, autoregressive_prior=autoregressive_prior, component_prior=component_prior,
            two_stage=two_stage, symmetric_components=symmetric_components, reference_sampling=reference_sampling,
            pixel_std=pixel_std, first_pixel_std=first_pixel_std, **schedule)
        *image_size, image_channels = self.image_shape
        self.mask_latent_size, self.latent_size = mask_latent_size, latent_size
        self.two_stage, self.reference_sampling = two_stage, reference_sampling
        self.pixel_stds = (pixel_std, first_pixel_std)

        # === Layers ===
        self.encoder = GatedEncoder(image_size, encoder_filters, hidden_size, encoder_norm, name="encoder")
        self.posterior = RecurrentPosterior(mask_latent_size, name="posterior")
        self.mask_decoder = GatedDecoder(image_size, decoder_filters, 1, decoder_norm, name="mask_decoder")
        self.mask_prior = AutoregressivePrior(mask_latent_size, hidden_size, name="mask_prior") \
            if autoregressive_prior else None
        self.component_prior = ComponentPrior(latent_size, hidden_size, name="component_prior") \
            if component_prior and two_stage else None
        gated = symmetric_components and two_stage
        self.component_decoder = GatedDecoder(
            image_size, decoder_filters, image_channels, decoder_norm, name="component_decoder") if gated else \
            ComponentDecoder(image_size, image_channels, component_channels, _ACTIVATION, name="component_decoder")
        if two_stage:
            self.component_encoder = GatedEncoder(
                image_size, encoder_filters, 2 * latent_size, encoder_norm, name="component_encoder") if gated else \
                ComponentEncoder(component_channels, hidden_size, 2 * latent_size, _ACTIVATION,
                                 name="component_encoder")

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        num_slots, sizes = num_slots or self.num_slots, {"mask_latents": self.mask_latent_size}
        sizes.update({"component_latents": self.latent_size} if self.two_stage else {})
        return {name: NoiseSpec((batch_size, num_slots, size)) for name, size in sizes.items()}

    def sample_noise_spec(self, batch_size, num_slots=None):
        return self.noise_spec(batch_size, num_slots)

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        latents, mean, std = self.posterior(self.encoder(image), noise["mask_latents"])  # [B,K,M]
        prior = (0.0, 1.0) if self.mask_prior is None else self.mask_prior(latents)
        mask_kl = divergence = sampled_kl(latents, mean, std, *prior)  # [B,K]
        log_masks = self._log_masks(latents)
        if self.two_stage:
            found = self._find_components(image, log_masks, latents, noise["component_latents"])
            divergence = divergence + found["kl"]
            latents, mean, std = (ops.concatenate([ours, found[name]], axis=-1) for name, ours in
                                  (("latents", latents), ("mean", mean), ("std", std)))  # [B,K,D]
        return {**self._paint(log_masks, latents), "slots": mean, "latent_std": std, "latents": latents,
                "kl": divergence, "mask_kl": mask_kl}

    def decode(self, latents):
        """Paints a scene.

        Args:
            latents: Float [B, K, D], of masks first.

        Returns:
            Dict: `reconstruction` [B,H,W,C], `masks` and `log_masks` [B,K,H,W], `components` [B,K,H,W,C].
        """
        return self._paint(self._log_masks(latents[..., :self.mask_latent_size]), latents)

    def sample(self, noise):
        latents = at_least_float32(noise["mask_latents"])
        if self.mask_prior is not None:
            latents = self.mask_prior.sample(latents, bounded=not self.reference_sampling)
        if self.two_stage:
            mean, std = (0.0, 1.0) if self.component_prior is None else self.component_prior(latents)
            components = mean + std * ops.cast(noise["component_latents"], latents.dtype)
            latents = ops.concatenate([latents, components], axis=-1)  # [B,K,D]
        return self.completed({**self.decode(latents), "slots": latents})

    def losses_of(self, image, outputs):
        """Returns the terms of `GenerativeModel.terms_of`.

        `kl_m` is the divergence of the latents of masks, `kl_l` of those of components; `elbo` is -(err + kl_l + kl_m).
        """
        error = mixture_error(image, outputs["components"], outputs["log_masks"], *self.pixel_stds)
        kl, kl_masks = ops.sum(outputs["kl"], axis=1), ops.sum(outputs["mask_kl"], axis=1)
        terms = self.terms_of(image, outputs["reconstruction"], error, kl - kl_masks, kl_masks)
        return {**terms, "elbo": -(error + kl)}

    def slot_divergences(self, outputs):
        return {"kl_l": outputs["kl"] - outputs["mask_kl"], "kl_m": outputs["mask_kl"]}

    def _log_masks(self, latents):
        """Stick-breaking of what the decoder paints; the logit of the last slot is of no influence. [B,K,H,W]."""
        vectors, num_slots = fold(latents), latents.shape[1]
        logits = unfold(at_least_float32(self.mask_decoder(vectors)), num_slots)[..., 0]
        return log_masks_of_logits(logits[:, :-1])[0]

    def _find_components(self, image, log_masks, mask_latents, noise):
        """`latents`, `mean`, `std` [B,K,Z] and `kl` [B,K] of the components."""
        encoded = self.component_encoder(masked_images(image, log_masks))
        mean, std = posterior_moments(unfold(encoded, log_masks.shape[1]))
        latents = mean + std * ops.cast(noise, mean.dtype)
        prior = (0.0, 1.0) if self.component_prior is None else self.component_prior(mask_latents)
        return {"latents": latents, "mean": mean, "std": std, "kl": sampled_kl(latents, mean, std, *prior)}

    def _paint(self, log_masks, latents):
        """The scene of masks and latents [B,K,D], see `decode`."""
        latents = latents[..., self.mask_latent_size:] if self.two_stage else latents
        canvas = unfold(at_least_float32(self.component_decoder(fold(latents))), latents.shape[1])
        return painted(log_masks, ops.sigmoid(canvas))
