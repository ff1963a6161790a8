"""AST-Seg: objects found by attention, soft-argmax and a transformer, painted as glimpses over a learned background."""

import keras
from keras import ops

from tfobj.ast_seg_config import AstSegConfig
from tfobj.errors import UserError
from tfobj.layers.activation_occlusion import ActivationOcclusion
from tfobj.layers.background_autoencoder import BackgroundAutoencoder, background_channels
from tfobj.layers.beta_warmup import BetaWarmup
from tfobj.layers.celu_unet import CeluUNet, unet_widths
from tfobj.layers.glimpse_generator import GlimpseGenerator, glimpse_channels
from tfobj.layers.segformer import VARIANTS, SegFormer
from tfobj.layers.slot_transformer import SlotTransformer
from tfobj.layers.soft_argmax_pooling import SoftArgmaxPooling
from tfobj.metrics.reconstruction import mse_sum
from tfobj.models.object_model import NoiseSpec, ObjectModel
from tfobj.models.precomputation import Precomputation
from tfobj.ops.dropout import fold_in, seeds_of
from tfobj.ops.global_batch import global_mean
from tfobj.ops.layer_composition import layer_terms
from tfobj.ops.object_latents import object_boxes
from tfobj.ops.object_latents import split_latents
from tfobj.ops.precision import at_least_float32
from tfobj.ops.resampling import paint_glimpses
from tfobj.ops.robust_loss import background_loss
from tfobj.pretrained.keras_hub_preset import load_preset
from tfobj.pretrained.mix_transformer import load_mix_transformer

_PRESET = "preset:"
_IN_USE = 1e-3  # share of some pixel that a slot in use has


@keras.saving.register_keras_serializable(package="tfobj")
class AstSeg(ObjectModel):
    """A background from an autoencoder, and K objects, each a small picture that is scaled, moved and composited.

    Slot 0 is the background; its entry of `slots` is 0. The others hold the latents of the objects: x, y, scale logits,
    activation, appearance. Every slot has an attention map of its own, so the number of slots is fixed.

    Extra outputs, float32 (K objects, without the background, unless said otherwise):
        `attention` [B,1,K+1,h,w], where each object was looked for; 0 for the background.
        `positions` [B,K,2], centres (x, y) in [-1, 1]; `inverse_scales` [B,K,2], image side over object side (x, y).
        `boxes` [B,K,4], what their pictures fill: top, left, bottom, right as fractions of the image, from 0 to 1.
        `activations` [B,K], logarithm of the weight with which an object hides others.
        `predicted_error` [B,H,W], what the background model expects to miss.

    Phases of training: `background`, the autoencoder alone with its robust loss; `frozen`, all but the autoencoder;
    `joint`, everything, also without any phase before it.

    Args:
        image_shape: Tuple (H, W, 3).
        num_slots: int. K + 1.
        scaling: str. `anisotropic`: two scales per object, `isotropic`: one.
        appearance_size: int. Size of the appearance code.
        activation_index: str. `paper`: the entry behind the scales is the activation; `reference`: entry 4, where the
            released code reads it, which with isotropic scaling is the first entry of the appearance.
        feature_generator: str. `segformer` or `unet`.
        backbone: str. Size of SegFormer, a key of `tfobj.layers.segformer.VARIANTS`.
        backbone_weights: str. Path of a `.safetensors` file from which training starts, or `preset:` and the name of a
            preset of Keras Hub; empty: random weights.
        unet_widths: Sequence of int. Channels of the stem and of every level of the U-Net; empty: the published ones.
        use_transformer: bool. Refine what was pooled.
        transformer_width, transformer_heads, transformer_hidden_size, transformer_layers: int. See `SlotTransformer`.
        dropout_rate: float. Of the transformer and of SegFormer's head.
        drop_path_rate: float. Of the last block of SegFormer's backbone.
        glimpse_widths: Sequence of int. Channels of the glimpse generator; empty: those published for the image size.
        min_inverse_scale, max_inverse_scale: float. Range of image side over object side.
        background_model: str. `simple`, `complex` or `tiny`, see `background_channels`.
        background_activation: float. Initial activation of the background.
        background_per_pixel: bool. Adds a learned map to it.
        quantize_background: bool. In the phase `frozen`, cut the background to 8 bits as in the released code.
        use_background: bool. False: the background is not computed but black, which is enough for segmentations of a
            trained model.
        pixel_entropy_weight: float. Final weight of the pixel entropy.
        pixel_entropy_steps: int. Steps of its quadratic warm-up.

    Raises:
        UserError: the images, the range of sizes or the transformer's width do not fit.
    """

    background_slot = 0
    phases = AstSegConfig.PHASES
    precomputable = AstSegConfig.PRECOMPUTABLE

    def __init__(self, image_shape, num_slots=11, scaling="anisotropic", appearance_size=32, activation_index="paper",
                 feature_generator="segformer", backbone="b3", backbone_weights="", unet_widths=(),
                 use_transformer=True, transformer_width=256, transformer_heads=8, transformer_hidden_size=512,
                 transformer_layers=6, dropout_rate=0.1, drop_path_rate=0.1, glimpse_widths=(), min_inverse_scale=1.3,
                 max_inverse_scale=24.0, background_model="complex", background_activation=11.0,
                 background_per_pixel=False, quantize_background=False, use_background=True,
                 pixel_entropy_weight=0.01, pixel_entropy_steps=10_000, name=None):
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in locals().items()
                   if key not in ("self", "image_shape", "num_slots", "name", "__class__")}
        super().__init__(image_shape, num_slots, name=name, **options)
        self.options, self.phase = options, "joint"
        if self.image_shape[2] != 3:
            raise UserError(f"ast_seg takes images of 3 channels, these have {self.image_shape[2]}; use "
                            "--image_channels=3")
        self.num_scales = {"anisotropic": 2, "isotropic": 1}[scaling]
        self.num_objects, size = num_slots - 1, self.image_shape[:2]
        if not options["min_inverse_scale"] < options["max_inverse_scale"]:
            raise UserError(f"--min_inverse_scale={options['min_inverse_scale']} is not below "
                            f"--max_inverse_scale={options['max_inverse_scale']}: no size is left; widen the range")
        if use_transformer and transformer_width % transformer_heads:
            width = transformer_heads * -(-transformer_width // transformer_heads)
            raise UserError(f"--transformer_width={transformer_width} is no multiple of --transformer_heads="
                            f"{transformer_heads}; use --transformer_width={width}, or other heads")

        # === Layers ===
        slot_size = 3 + self.num_scales + appearance_size
        self.generator = self._make_generator(self.num_objects + slot_size - 2)
        self.pooling = SoftArgmaxPooling(self.num_objects, name="pooling")
        self.transformer = SlotTransformer(
            slot_size, transformer_width, transformer_heads, transformer_hidden_size, transformer_layers, dropout_rate,
            name="transformer") if use_transformer else None
        self.glimpses = GlimpseGenerator(options["glimpse_widths"] or glimpse_channels(size), name="glimpses")
        self.occlusion = ActivationOcclusion(size, background_activation, background_per_pixel, name="occlusion")
        self.background = BackgroundAutoencoder(size, *background_channels(size, background_model), name="background")
        self.entropy_weight = BetaWarmup(pixel_entropy_weight, pixel_entropy_steps, power=2.0, name="entropy_weight")

    def _make_generator(self, num_maps):
        size, options = self.image_shape[:2], self.options
        if options["feature_generator"] == "unet":
            return CeluUNet(size, num_maps, options["unet_widths"] or unet_widths(size), name="generator")
        return SegFormer(num_maps, *VARIANTS[options["backbone"]], options["dropout_rate"], options["drop_path_rate"],
                         name="generator")

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        if num_slots not in (None, self.num_slots):
            raise UserError(f"ast_seg was built for {self.num_slots} slots, each with an attention map of its own, and "
                            f"cannot work with {num_slots}; leave --num_slots out")
        return {}

    def training_noise_spec(self, batch_size):
        return {"dropout": NoiseSpec((batch_size, 2), "uniform")}

    # === Forward ===

    def call(self, image, noise=None, num_slots=None, num_iterations=None, training=None, behind=None):
        """Finds the objects, see `SlotModel.call`.

        Args:
            behind: Float [B, H, W, 4] in [0, 1], what the background model makes of the images, where that is known;
                None: it is computed.
        """
        if behind is None:
            return super().call(image, noise, num_slots, num_iterations)
        return self.completed(self._over(behind, image, noise))

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        return self._over(self._background_of(image), image, noise)

    def _over(self, behind, image, noise):
        """The outputs but for `segmentation`, over a background [B,H,W,4]."""
        seeds = seeds_of(noise["dropout"]) if "dropout" in noise else None
        found = self.find(image, seeds)
        outputs = self.compose(found, behind[..., :3])
        attention = ops.pad(found["attention"], ((0, 0), (1, 0), (0, 0), (0, 0)))[:, None]  # [B,1,K+1,h,w]
        return {**outputs, "attention": attention, "predicted_error": behind[..., 3],
                "boxes": object_boxes(found["positions"], found["inverse_scales"]),
                **{name: found[name] for name in ("positions", "inverse_scales", "activations")}}

    def find(self, image, seeds=None):
        """Finds objects, without looking at the background.

        Args:
            image: float32 [B, H, W, 3] in [0, 1].
            seeds: uint32 [B] of `tfobj.ops.dropout`, or None.

        Returns:
            Dict: `maps` [B,h,w,K+F] of the generator, `attention` [B,K,h,w], `pooled` and `latents` [B,K,D], and what
            `split_latents` returns.
        """
        maps = self.generator(image, seeds=fold_in(seeds, 0))
        pooled, attention = self.pooling(maps)
        latents = pooled if self.transformer is None else \
            at_least_float32(self.transformer(pooled, seeds=fold_in(seeds, 1)))
        scale_range = self.options["min_inverse_scale"], self.options["max_inverse_scale"]
        parts = split_latents(latents, self.num_scales, scale_range, self.options["activation_index"] == "reference")
        return {"maps": maps, "attention": attention, "pooled": pooled, "latents": latents, **parts}

    def compose(self, found, background):
        """Paints objects over a background.

        Args:
            found: What `find` returned.
            background: Float [B, H, W, 3] in [0, 1].

        Returns:
            Dict of the outputs that every model has, without `segmentation`.
        """
        size, count = self.image_shape[:2], self.num_objects
        rows = {name: ops.reshape(found[name], (-1, found[name].shape[-1]))  # [B*K,...]
                for name in ("appearance", "positions", "inverse_scales")}
        painted = paint_glimpses(self.glimpses(rows["appearance"]), rows["positions"], rows["inverse_scales"], size)
        layers = ops.reshape(painted, (-1, count, *size, 4))  # [B,K,H,W,4]
        masks = self.occlusion(found["activations"], layers[..., 3])  # [B,K+1,H,W]
        components = ops.concatenate([ops.cast(background, layers.dtype)[:, None], layers[..., :3]], axis=1)
        return {"reconstruction": ops.sum(masks[..., None] * components, axis=1), "masks": masks,
                "components": components, "slots": ops.pad(found["latents"], ((0, 0), (1, 0), (0, 0)))}

    def _background_of(self, image):
        if not self.options["use_background"] and self.background.built:  # a first call makes its weights
            return ops.zeros_like(ops.concatenate([image, image[..., :1]], axis=-1))
        behind = self.background(image)  # [B,H,W,4]
        if self.phase != "frozen":
            return behind
        return ops.stop_gradient(_levels(behind) / 255.0 if self.options["quantize_background"] else behind)

    def precomputation(self):
        """Background and predicted error, [H,W,4], see `SlotModel.precomputation`."""
        quantized = self.options["quantize_background"]
        return Precomputation("backgrounds", "behind", (*self.image_shape[:2], 4), "uint8" if quantized else "float32",
                              lambda image: _levels(self.background(image)) if quantized else self.background(image),
                              self.background.weights)

    # === Training ===

    def losses_of(self, target, outputs):
        """Returns the terms of each image.

        `loss`: `reconstruction_loss` + weight * `pixel_entropy`, see `tfobj.ops.layer_composition`. `mse_sum`: squared
        error summed over pixels and channels, as AST-Seg and CLEVRTEX report it. `active_slots`: objects with a share
        of 0.001 or more in some pixel. `background_loss`: what the phase `background` minimises. In training also
        `active_slots_in_batch`, the objects that are active in any image of the global batch.
        """
        terms = layer_terms(target, outputs["reconstruction"], outputs["masks"])
        weight = ops.cast(self.entropy_weight.beta, terms["reconstruction"].dtype)
        behind = ops.concatenate([outputs["components"][:, 0], outputs["predicted_error"][..., None]], axis=-1)
        return {"loss": terms["reconstruction"] + weight * terms["pixel_entropy"],
                "reconstruction_loss": terms["reconstruction"], "pixel_entropy": terms["pixel_entropy"],
                "mse_sum": mse_sum(target, outputs["reconstruction"]),
                "active_slots": ops.sum(_active(outputs["masks"]), axis=1),
                "background_loss": background_loss(target, ops.stop_gradient(behind))["loss"]}

    def training_terms(self, image, target, noise, behind=None):
        """See `SlotModel.training_terms`; `behind`, where it is known, as of `call`."""
        if self.phase != "background":
            outputs = self(image, noise=noise, training=True, behind=behind)
            terms = self.losses_of(target, outputs)
            in_batch = ops.sum(ops.cast(global_mean(_active(outputs["masks"])) > 0.0, "float32"))
            return {**terms, "active_slots_in_batch": in_batch * ops.ones_like(terms["active_slots"])}
        terms = background_loss(image, self.background(image))
        return {"loss": terms["loss"], "background_loss": terms["loss"],
                "background_error": ops.mean(terms["pixel_error"], axis=(1, 2)),
                "background_weight": ops.mean(terms["pixel_weight"], axis=(1, 2))}

    def after_step(self, terms):
        if self.phase != "background":
            self.entropy_weight.update(terms["loss"])

    @property
    def is_judged(self):
        """The background alone says nothing about objects."""
        return self.phase != "background"

    def enter_phase(self, name):
        """See `SlotModel.enter_phase`."""
        self.phase = name
        for layer in (self.generator, self.pooling, self.transformer, self.glimpses, self.occlusion):
            if layer is not None:
                layer.trainable = name != "background"
        self.background.trainable = name != "frozen"

    def start_training(self):
        """Reads the backbone's weights, see `SlotModel.start_training`."""
        if not self.options["use_background"]:
            raise UserError("--nouse_background is for scoring a trained model; leave it out")
        if self.options["feature_generator"] != "segformer":
            return []
        if not self.options["backbone_weights"]:
            return [f"the backbone {self.options['backbone']} starts from random weights; published scores need those "
                    "of ImageNet (--backbone_weights=model.safetensors of nvidia/mit-b3): without them, mIoU on "
                    "CLEVRTEX is 62 instead of 80 % (AST-Seg, Table 4)"]
        backbone, weights = self.generator.backbone, self.options["backbone_weights"]
        if not weights.startswith(_PRESET):
            load_mix_transformer(backbone, weights)
            return []
        load_preset(backbone, weights.removeprefix(_PRESET))
        return [f"--backbone_weights={weights}: this backbone was fine-tuned on masks that people have drawn, not on "
                "ImageNet alone as the paper's; say so where scores are reported, this is no longer unsupervised"]


def _levels(values):
    """The 8-bit levels, cut off as in the released code, of values in [0, 1]."""
    return ops.floor(values * 255.0)


def _active(masks):
    """Which objects have a share of some pixel: masks [B,K+1,H,W] -> float32 [B,K] of zeros and ones."""
    return ops.cast(ops.max(masks[:, 1:], axis=(2, 3)) >= _IN_USE, "float32")
