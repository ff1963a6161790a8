"""GENESIS-V2 (Engelcke, Parker Jones and Posner 2021)."""

import keras
from keras import ops

from tfobj.errors import UserError
from tfobj.layers.autoregressive_prior import AutoregressivePrior
from tfobj.layers.convolution_block import ConvolutionBlock
from tfobj.layers.gaussian_head import GaussianHead
from tfobj.layers.normalized_broadcast_decoder import NormalizedBroadcastDecoder
from tfobj.layers.semi_convolutional_embedding import SemiConvolutionalEmbedding
from tfobj.layers.stick_breaking import StickBreaking
from tfobj.layers.torch_initializers import torch_defaults
from tfobj.layers.unet import UNet
from tfobj.models.generative_model import GenerativeModel
from tfobj.models.object_model import NoiseSpec
from tfobj.ops import distributions
from tfobj.ops.competition import log_softmax
from tfobj.ops.precision import at_least_float32, island_dtype
from tfobj.ops.slots import painted
from tfobj.ops.stick_breaking import ABSENT, mask_divergence

_MOST_FEATURES, _GROUPS = 64, 8
_REFERENCE_PIXELS = 64 * 64  # the image size for which `min_slot_mass` is given


@keras.saving.register_keras_serializable(package="tfobj")
class GenesisV2(GenerativeModel):
    """U-Net, instance colouring stick-breaking, a latent for every mask, and a broadcast decoder.

    `masks` are the decoder's, which the paper calls object masks; those of stick-breaking are an extra output. Slots
    are in the order of stick-breaking, the last one is what the others left. Evaluation is stochastic too: the seeds
    and the latents follow from the noise.

    Extra outputs, float32:
        `attention_masks` [B,K,H,W], masks of stick-breaking, sum to 1 over K.
        `log_masks` [B,K,H,W], logarithm of `masks`.
        `slots` [B,K,D], posterior means; `latent_std` [B,K,D], standard deviations; `latents` [B,K,D], the sample.
        `kl` [B,K], one-sample estimate of the divergence of each latent from its prior; may be negative.
        `num_used_slots` [B], slots that exist; K but for `dynamic_slots`.

    Args:
        image_shape: Tuple (H, W, C), see `UNet`.
        num_slots: int. K in training.
        feature_size: int. Channels of the U-Net and size D of a latent; at most 64, a multiple of 8.
        embedding_size: int. Dimensions of a pixel embedding, with its two coordinates.
        similarity_kernel: str. See `StickBreaking`.
        semi_convolutional: bool. See `SemiConvolutionalEmbedding`.
        dynamic_slots: bool. Outside of training, find how many slots an image needs, at most K.
        min_slot_mass: float. Mask in pixels of a 64x64 image below which an image has no further slot.
        padded_slots: str. Slots that an image of a batch does not need are `masked`, so that it has the outputs that it
            has alone, or take part in everything like the others (`reference`: the released code with batches).
        mask_loss: bool. Adds the divergence of stick-breaking's masks from the decoder's (Equation 7).
        detach_decoder_masks: bool. That divergence does not change the decoder.
        autoregressive_prior: bool. False: every latent has a standard normal prior.
        pixel_bound: bool. A sigmoid bounds the components to [0, 1].
        pixel_std: float. Standard deviation of a pixel.
        **schedule: Arguments of `GenerativeModel` for the weight of the divergences.

    Raises:
        UserError: the images or `feature_size` do not fit, or an option is unknown.
    """

    def __init__(self, image_shape, num_slots=7, feature_size=64, embedding_size=8, similarity_kernel="gaussian",
                 semi_convolutional=True, dynamic_slots=False, min_slot_mass=20.0, padded_slots="masked",
                 mask_loss=False, detach_decoder_masks=True, autoregressive_prior=True, pixel_bound=True,
                 pixel_std=0.7, name=None, **schedule):
        super().__init__(
            image_shape, num_slots, name=name, feature_size=feature_size, embedding_size=embedding_size,
            similarity_kernel=similarity_kernel, semi_convolutional=semi_convolutional, dynamic_slots=dynamic_slots,
            min_slot_mass=min_slot_mass, padded_slots=padded_slots, mask_loss=mask_loss,
            detach_decoder_masks=detach_decoder_masks, autoregressive_prior=autoregressive_prior,
            pixel_bound=pixel_bound, pixel_std=pixel_std, **schedule)
        _check(feature_size, padded_slots)
        *image_size, image_channels = self.image_shape
        self.feature_size, self.pixel_bound, self.pixel_std = feature_size, pixel_bound, pixel_std
        self.mask_loss, self.detach_decoder_masks = mask_loss, detach_decoder_masks
        self.masks_absent_slots = dynamic_slots and padded_slots == "masked"

        # === Layers ===
        min_mass = min_slot_mass * image_size[0] * image_size[1] / _REFERENCE_PIXELS
        self.unet = UNet(image_size, feature_size, _GROUPS, name="unet")
        self.seg_head = ConvolutionBlock(feature_size, _GROUPS, name="seg_head")
        self.feat_head = ConvolutionBlock(feature_size, _GROUPS, name="feat_head")
        self.feat_out = keras.layers.Conv2D(2 * feature_size, 1, name="feat_out", **torch_defaults(feature_size))
        # Float32 islands: which pixel is the next seed hangs on small differences.
        self.embedding = SemiConvolutionalEmbedding(embedding_size, semi_convolutional, name="embedding",
                                                    dtype=island_dtype())
        self.stick_breaking = StickBreaking(num_slots, similarity_kernel, dynamic_slots, min_mass,
                                            name="stick_breaking", dtype=island_dtype())
        self.posterior = GaussianHead(feature_size, name="posterior")
        self.decoder = NormalizedBroadcastDecoder(tuple(image_size), image_channels + 1, feature_size, _GROUPS,
                                                  name="decoder")
        self.prior = AutoregressivePrior(feature_size, 4 * feature_size, name="prior") if autoregressive_prior else None

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        return {"scores": NoiseSpec((batch_size, *self.image_shape[:2]), "uniform"),
                **self.sample_noise_spec(batch_size, num_slots)}

    def sample_noise_spec(self, batch_size, num_slots=None):
        return {"latents": NoiseSpec((batch_size, num_slots or self.num_slots, self.feature_size))}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        features = self.unet(image)  # [B,H,W,F]
        num_slots = noise["latents"].shape[1]
        broken = self.stick_breaking(self.embedding(self.seg_head(features)), noise["scores"], num_slots=num_slots)
        valid = broken["valid"] if self.masks_absent_slots else None
        attention = ops.exp(broken["log_masks"])  # [B,K,H,W]
        mean, std = self.posterior(_pool(self.feat_out(self.feat_head(features)), attention))  # [B,K,D]
        latents = mean + std * ops.cast(noise["latents"], mean.dtype)
        return {**self.decode(latents, valid), "attention_masks": attention, "slots": mean, "latent_std": std,
                "kl": self._divergence(latents, mean, std, valid), "latents": latents,
                "num_used_slots": ops.cast(broken["num_used"], mean.dtype)}

    def decode(self, latents, valid=None):
        """Paints a scene.

        Args:
            latents: Float [B, K, D].
            valid: bool [B, K] or None. Slots that exist; the others have mask 0.

        Returns:
            Dict: `reconstruction` [B,H,W,C], `masks` and `log_masks` [B,K,H,W], `components` [B,K,H,W,C].
        """
        canvas = at_least_float32(self.decoder(latents))  # [B,K,H,W,C+1]
        logits = canvas[..., -1]
        logits = logits if valid is None else ops.where(valid[:, :, None, None], logits, ABSENT)
        components = ops.sigmoid(canvas[..., :-1]) if self.pixel_bound else canvas[..., :-1]
        return painted(log_softmax(logits, axis=1), components)

    def sample(self, noise):
        latents = at_least_float32(noise["latents"]) if self.prior is None else self.prior.sample(noise["latents"])
        return self.completed({**self.decode(latents), "slots": latents})

    def losses_of(self, image, outputs):
        """Returns the terms of `GenerativeModel.terms_of`; `kl_m` is 0 without `mask_loss`."""
        error = distributions.mixture_error(image, outputs["components"], outputs["log_masks"], self.pixel_std)
        kl_masks = self._mask_divergence(outputs) if self.mask_loss else ops.zeros_like(error)
        return self.terms_of(image, outputs["reconstruction"], error, ops.sum(outputs["kl"], axis=1), kl_masks)

    def _divergence(self, latents, mean, std, valid):
        """One-sample estimate of the divergence of every slot from the prior, [B,K] (Section 3.3)."""
        prior_mean, prior_std = (0.0, 1.0) if self.prior is None else self.prior(latents)
        divergence = distributions.sampled_kl(latents, mean, std, prior_mean, prior_std)
        return divergence if valid is None else ops.where(valid, divergence, ops.zeros_like(divergence))

    def _mask_divergence(self, outputs):
        masks, valid = outputs["masks"], None
        if self.masks_absent_slots:
            slots = ops.arange(masks.shape[1], dtype=masks.dtype)
            valid = slots < outputs["num_used_slots"][:, None]  # [B,K]
        masks = ops.stop_gradient(masks) if self.detach_decoder_masks else masks
        return mask_divergence(outputs["attention_masks"], masks, valid)


def _pool(features, masks):
    """Mean of the features [B,H,W,F] under each mask [B,K,H,W]: [B,K,F]."""
    features = at_least_float32(features)
    weights = masks / (ops.sum(masks, axis=(2, 3), keepdims=True) + 1e-5)
    return ops.einsum("bkhw,bhwf->bkf", weights, features)


def _check(feature_size, padded_slots):
    if feature_size > _MOST_FEATURES or feature_size % _GROUPS:
        raise UserError(f"feature_size={feature_size} must be a multiple of {_GROUPS} and at most {_MOST_FEATURES}; "
                        f"use --feature_size={_MOST_FEATURES}")
    if padded_slots not in ("masked", "reference"):
        raise UserError(f"padded_slots={padded_slots!r} is unknown; choose one of: masked, reference")
