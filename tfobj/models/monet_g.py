"""MONet-G: MONet (Burgess et al. 2019) trained with GECO, as the authors of GENESIS-V2 compare with it."""

import keras
from keras import ops

from tfobj.layers.component_decoder import ComponentDecoder
from tfobj.layers.component_encoder import ComponentEncoder
from tfobj.layers.recurrent_attention import RecurrentAttention
from tfobj.models.generative_model import GenerativeModel
from tfobj.models.object_model import NoiseSpec
from tfobj.ops.competition import log_softmax
from tfobj.ops.distributions import mixture_error, normal_kl, sampled_kl
from tfobj.ops.precision import at_least_float32
from tfobj.ops.scales import posterior_moments
from tfobj.ops.slots import fold, masked_images, painted, unfold
from tfobj.ops.stick_breaking import log_masks_of_logits, mask_divergence

_ACTIVATION = "relu"


@keras.saving.register_keras_serializable(package="tfobj")
class MonetG(GenerativeModel):
    """An attention network takes one mask after the other; an autoencoder explains what each shows, and the mask.

    `masks` are those of the attention network, the last of which is what the others left. The autoencoder's masks,
    which compete for the pixels, are an extra output; scenes that are sampled or decoded have these. MONet's original
    settings, with a constant beta and narrow densities, are those of experiments/monet_objects_room.flags.

    Extra outputs, float32:
        `decoder_masks` [B,K,H,W], masks of the autoencoder, sum to 1 over K.
        `log_masks`, `log_decoder_masks` [B,K,H,W], logarithms of the two.
        `slots` [B,K,D], posterior means; `latent_std` [B,K,D]; `latents` [B,K,D], the sample.
        `kl` [B,K], divergence of each latent from the standard normal prior.

    Args:
        image_shape: Tuple (H, W, C), see `UNet`.
        num_slots: int. K in training.
        latent_size: int. D.
        attention_channels: int. Width of the attention network.
        component_channels: int. Width of the autoencoder.
        hidden_size: int. Units of its hidden dense layer.
        decoder_masks: str. How its logits become masks: they compete by a `softmax`, or take their share of the
            `scope` one after the other.
        montecarlo_kl: bool. `kl` is an estimate from the sample, which may be negative; False: the exact value.
        mask_kl_factor: float. Factor on the divergence of masks in the loss, besides beta.
        pixel_std: float. Standard deviation of a pixel, in the second and later slots.
        first_pixel_std: float. The same in the first slot.
        **schedule: Arguments of `GenerativeModel` for the weight of the divergences.

    Raises:
        UserError: the images do not fit.
    """

    def __init__(self, image_shape, num_slots=7, latent_size=16, attention_channels=32, component_channels=32,
                 hidden_size=256, decoder_masks="softmax", montecarlo_kl=True, mask_kl_factor=1.0, pixel_std=0.7,
                 first_pixel_std=0.7, name=None, **schedule):
        super().__init__(
            image_shape, num_slots, name=name, latent_size=latent_size, attention_channels=attention_channels,
            component_channels=component_channels, hidden_size=hidden_size, decoder_masks=decoder_masks,
            montecarlo_kl=montecarlo_kl, mask_kl_factor=mask_kl_factor, pixel_std=pixel_std,
            first_pixel_std=first_pixel_std, **schedule)
        *image_size, image_channels = self.image_shape
        self.latent_size, self.montecarlo_kl = latent_size, montecarlo_kl
        self.decoder_masks, self.mask_kl_factor = decoder_masks, mask_kl_factor
        self.pixel_stds = (pixel_std, first_pixel_std)

        # === Layers ===
        self.attention = RecurrentAttention(image_size, attention_channels, name="attention")
        self.encoder = ComponentEncoder(component_channels, hidden_size, 2 * latent_size, _ACTIVATION, name="encoder")
        self.decoder = ComponentDecoder(image_size, image_channels + 1, component_channels, _ACTIVATION,
                                        name="decoder")

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        return {"latents": NoiseSpec((batch_size, num_slots or self.num_slots, self.latent_size))}

    def sample_noise_spec(self, batch_size, num_slots=None):
        return self.noise_spec(batch_size, num_slots)

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        num_slots = noise["latents"].shape[1]
        log_masks, _ = self.attention(image, num_slots=num_slots)  # [B,K,H,W]
        mean, std = posterior_moments(unfold(self.encoder(masked_images(image, log_masks)), num_slots))  # [B,K,D]
        latents = mean + std * ops.cast(noise["latents"], mean.dtype)
        scene = self.decode(latents)
        return {**painted(log_masks, scene["components"]), "decoder_masks": scene["masks"],
                "log_decoder_masks": scene["log_masks"], "slots": mean, "latent_std": std, "latents": latents,
                "kl": self._divergence(latents, mean, std)}

    def decode(self, latents):
        """Paints a scene with the masks of the autoencoder.

        Args:
            latents: Float [B, K, D].

        Returns:
            Dict: `reconstruction` [B,H,W,C], `masks` and `log_masks` [B,K,H,W], `components` [B,K,H,W,C].
        """
        canvas = unfold(at_least_float32(self.decoder(fold(latents))), latents.shape[1])  # [B,K,H,W,C+1]
        logits, components = canvas[..., -1], ops.sigmoid(canvas[..., :-1])
        log_masks = log_softmax(logits, axis=1) if self.decoder_masks == "softmax" else \
            log_masks_of_logits(logits[:, :-1])[0]
        return painted(log_masks, components)

    def sample(self, noise):
        latents = at_least_float32(noise["latents"])
        return self.completed({**self.decode(latents), "slots": latents})

    def losses_of(self, image, outputs):
        """Returns the terms of `GenerativeModel.terms_of`.

        `kl_m` is the divergence of the attention's masks from the autoencoder's; no gradient of it is stopped. `elbo`
        has the autoencoder's masks in the likelihood, whose error is `err_decoder_masks`, and no `kl_m`, as in the
        paper.
        """
        error, of_decoder = (mixture_error(image, outputs["components"], outputs[name], *self.pixel_stds)
                             for name in ("log_masks", "log_decoder_masks"))
        kl_latents = ops.sum(outputs["kl"], axis=1)
        kl_masks = mask_divergence(outputs["masks"], outputs["decoder_masks"])
        terms = self.terms_of(image, outputs["reconstruction"], error, kl_latents, kl_masks)
        extra = (self.mask_kl_factor - 1.0) * terms["beta"] * kl_masks
        return {**terms, "loss": terms["loss"] + extra, "elbo": -(of_decoder + kl_latents),
                "err_decoder_masks": of_decoder}

    def _divergence(self, latents, mean, std):
        if self.montecarlo_kl:
            return sampled_kl(latents, mean, std)
        return ops.sum(normal_kl(mean, ops.square(std)), axis=-1)
