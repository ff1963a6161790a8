"""The knobs of AST-Seg. Nothing heavy is imported here, as in `tfobj.config`."""

import dataclasses
import typing

from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class AstSegConfig:
    """AST-Seg; defaults are the published CLEVRTEX model."""

    PHASES: typing.ClassVar = ("background", "frozen", "joint")
    PRECOMPUTABLE: typing.ClassVar = {"frozen": "background"}

    num_slots: int = knob(11, "Slots, the first of which is the background: K + 1.", minimum=2)
    scaling: str = knob("anisotropic", "Two scales of each object, or one.", choices=("anisotropic", "isotropic"))
    appearance_size: int = knob(32, "Size of the appearance code of an object.", minimum=2)
    activation_index: str = knob("paper", "Entry of the latent that is the activation: behind the scales, or where the "
                                 "released code reads it.", choices=("paper", "reference"))
    feature_generator: str = knob("segformer", "Network that makes attention and feature maps.",
                                  choices=("segformer", "unet"))
    backbone: str = knob("b3", "Size of SegFormer's Mix Transformer; tiny is ours, for tests.",
                         choices=("b0", "b1", "b2", "b3", "b4", "b5", "tiny"))
    backbone_weights: str = knob("", "File model.safetensors of nvidia/mit-b3 (or another size), from which training "
                                 "starts; or preset:NAME, a Mix Transformer of Keras Hub (mit_b3_ade20k_512, for one), "
                                 "fine-tuned on masks that people have drawn; empty: random weights.")
    unet_widths: tuple = knob((), "Channels of the stem and of each level of the U-Net; left out: the published ones.",
                              minimum=1)
    use_transformer: bool = knob(True, "Refine the objects by a transformer over slots.")
    transformer_width: int = knob(256, "Width of the transformer, a multiple of its heads.", minimum=1)
    transformer_heads: int = knob(8, "Heads of the transformer.", minimum=1)
    transformer_hidden_size: int = knob(512, "Hidden units of the transformer's networks.", minimum=1)
    transformer_layers: int = knob(6, "Layers of the transformer.", minimum=1)
    dropout_rate: float = knob(0.1, "Dropout of the transformer and of SegFormer's head.", minimum=0.0, maximum=0.99)
    drop_path_rate: float = knob(0.1, "Rate at which SegFormer's last branches are left out; it rises from 0.",
                                 minimum=0.0, maximum=0.99)
    glimpse_widths: tuple = knob((), "Channels of the glimpse generator; left out: the published ones.", minimum=1)
    min_inverse_scale: float = knob(1.3, "Smallest image side over object side.", minimum=1e-3)
    max_inverse_scale: float = knob(24.0, "Largest image side over object side.", minimum=1e-3)
    background_model: str = knob("complex", "Size of the background model; simple is for a single background.",
                                 choices=("simple", "complex", "tiny"))
    background_activation: float = knob(11.0, "Initial activation of the background, logarithmic.")
    background_per_pixel: bool = knob(False, "Learn a map of it, too.")
    quantize_background: bool = knob(False, "Cut the frozen background to 8 bits, as the released code does.")
    use_background: bool = knob(True, "Compute the background; without it, it is black: faster, and enough for "
                                "segmentations.", at_test_time=True)
    pixel_entropy_weight: float = knob(0.01, "Weight of the pixel entropy after its warm-up.", minimum=0.0)
    pixel_entropy_steps: int = knob(10_000, "Steps of the quadratic warm-up of that weight.", minimum=0)
