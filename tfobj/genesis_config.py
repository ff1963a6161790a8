"""The knobs of the GENESIS family, as frozen dataclasses; see `tfobj.config`."""

import dataclasses

from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class GenerativeConfig:
    """Slots, and the weight beta of the divergences in the loss of the GENESIS family; defaults are the papers'."""

    num_slots: int = knob(7, "Slots K.", minimum=1)
    beta_schedule: str = knob("geco", "How the divergences are weighed: by GECO, which reaches an error, a constant, "
                              "or a linear warm-up from 0.", choices=("geco", "constant", "warmup"))
    beta: float = knob(0.5, "The constant, or the end of the warm-up.", minimum=0.0)
    beta_warmup_steps: int = knob(100_000, "Steps of the warm-up of beta; the released code takes a fifth of "
                                  "--num_steps.", minimum=1)
    geco_goal: float = knob(0.5655, "Error per channel of a pixel that GECO is to reach, in nats; 0.5623 is perfect "
                            "with pixel_std 0.7.")
    geco_rate: float = knob(1e-5, "Step size of GECO for 64x64 pixels; scaled to the images.", minimum=0.0)
    geco_decay: float = knob(0.99, "Decay of the moving average of the error in GECO.", minimum=0.0, maximum=1.0)
    geco_speedup: float = knob(10.0, "Factor on the step size of GECO below its goal.", minimum=0.0)
    geco_start: float = knob(1.0, "First weight of GECO.", minimum=1e-10)
    geco_minimum: float = knob(1e-10, "Smallest weight of GECO.", minimum=0.0)
    max_objective: float = knob(1e8, "Training stops when the negative evidence lower bound, the error and all "
                                "divergences unweighted, exceeds this many nats per image.", minimum=0.0)


@dataclasses.dataclass(frozen=True)
class GenesisV2Config(GenerativeConfig):
    """GENESIS-V2 (Engelcke et al. 2021); defaults are the paper's and its code's."""

    feature_size: int = knob(64, "Channels of the U-Net and size D of a latent, a multiple of 8, at most 64.", minimum=8,
                             maximum=64)
    embedding_size: int = knob(8, "Dimensions of a pixel embedding, its coordinates included.", minimum=2)
    similarity_kernel: str = knob("gaussian", "Kernel that compares pixel embeddings.",
                                  choices=("gaussian", "laplacian", "epanechnikov"))
    semi_convolutional: bool = knob(True, "Add the coordinates to the pixel embeddings.")
    dynamic_slots: bool = knob(False, "Outside of training, find how many slots an image needs, at most K.",
                               at_test_time=True)
    min_slot_mass: float = knob(20.0, "Pixels of a 64x64 image below which there is no further slot; the paper has 70 "
                                "for Objects Room.", minimum=0.0, at_test_time=True)
    padded_slots: str = knob("masked", "Slots that an image does not need are masked, or decoded as in the released "
                             "code (reference).", choices=("masked", "reference"), at_test_time=True)
    mask_loss: bool = knob(False, "Add the divergence of the attention masks from the decoder's (Equation 7).")
    detach_decoder_masks: bool = knob(True, "The mask loss does not change the decoder.")
    autoregressive_prior: bool = knob(True, "Prior in which a slot depends on those before it; else standard normal.")
    pixel_bound: bool = knob(True, "Bound the components to [0, 1] by a sigmoid.")
    pixel_std: float = knob(0.7, "Standard deviation of a pixel.", minimum=1e-3)


@dataclasses.dataclass(frozen=True)
class ComponentsConfig(GenerativeConfig):
    """What the baselines of GENESIS-V2 share, which encode and paint what each mask shows."""

    latent_size: int = knob(16, "Size of the latent of a component.", minimum=1)
    component_channels: int = knob(32, "Channels of the autoencoder of components.", minimum=1)
    pixel_std: float = knob(0.7, "Standard deviation of a pixel, in the second and later slots.", minimum=1e-3)
    first_pixel_std: float = knob(0.7, "Standard deviation of a pixel in the first slot.", minimum=1e-3)


@dataclasses.dataclass(frozen=True)
class GenesisConfig(ComponentsConfig):
    """GENESIS (Engelcke et al. 2020) as a baseline of GENESIS-V2; defaults are those of its authors' code."""

    mask_latent_size: int = knob(64, "Size of the latent of a mask.", minimum=1)
    encoder_filters: tuple = knob((32, 32, 64, 64, 64), "Channels of the five gated convolutions of the encoder.",
                                  minimum=1)
    decoder_filters: tuple = knob((64, 64, 32, 32, 32, 32), "Channels of the six gated convolutions that paint masks.",
                                  minimum=1)
    hidden_size: int = knob(256, "Features of the image, and units of the networks of the prior.", minimum=1)
    encoder_norm: str = knob("bn", "Normalisation of the gated encoder: batch, instance or none.",
                             choices=("bn", "in", "none"))
    decoder_norm: str = knob("bn", "Normalisation of the gated decoder: batch, instance or none.",
                             choices=("bn", "in", "none"))
    autoregressive_prior: bool = knob(True, "Prior of masks in which a slot depends on those before it; else standard "
                                      "normal.")
    component_prior: bool = knob(True, "Prior of components that depends on the mask; else standard normal.")
    two_stage: bool = knob(True, "A latent for masks and one for components; false: GENESIS-S, one for both.")
    symmetric_components: bool = knob(False, "The autoencoder of components is made of gated convolutions, too.")
    reference_sampling: bool = knob(False, "Draw scenes without the prior's tanh, as the released code.",
                                    at_test_time=True)


@dataclasses.dataclass(frozen=True)
class MonetGConfig(ComponentsConfig):
    """MONet-G, MONet with GECO, a baseline of GENESIS-V2; defaults are those of its authors' code."""

    attention_channels: int = knob(32, "Channels of the attention network's finest level.", minimum=1)
    hidden_size: int = knob(256, "Units of the autoencoder's dense layer.", minimum=1)
    decoder_masks: str = knob("softmax", "Masks of the autoencoder compete by a softmax, or take their share of the "
                              "scope one after the other.", choices=("softmax", "scope"))
    montecarlo_kl: bool = knob(True, "Estimate the divergence of the latents from one sample; else exact.")
    mask_kl_factor: float = knob(1.0, "Factor on the divergence of masks, besides beta.", minimum=0.0)
