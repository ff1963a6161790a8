"""The knobs of the GENESIS family, as frozen dataclasses; see `tfobj.config`."""

import dataclasses

from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class GenerativeConfig:
    """The weight beta of the divergences in the loss of the GENESIS family; defaults are the papers'."""

    beta_schedule: str = knob("geco", "How the divergences are weighed: by GECO, which reaches an error, a constant, "
                              "or a linear warm-up from 0.", choices=("geco", "constant", "warmup"))
    beta: float = knob(0.5, "The constant, or the end of the warm-up.", minimum=0.0)
    beta_warmup_steps: int = knob(100_000, "Steps of the warm-up of beta.", minimum=1)
    geco_goal: float = knob(0.5655, "Error per channel of a pixel that GECO is to reach, in nats; 0.5623 is perfect "
                            "with pixel_std 0.7.")
    geco_rate: float = knob(1e-5, "Step size of GECO for 64x64 pixels; scaled to the images.", minimum=0.0)
    geco_decay: float = knob(0.99, "Decay of the moving average of the error in GECO.", minimum=0.0, maximum=1.0)
    geco_speedup: float = knob(10.0, "Factor on the step size of GECO below its goal.", minimum=0.0)


@dataclasses.dataclass(frozen=True)
class GenesisV2Config(GenerativeConfig):
    """GENESIS-V2 (Engelcke et al. 2021); defaults are the paper's and its code's."""

    num_slots: int = knob(7, "Slots K.", minimum=1)
    feature_size: int = knob(64, "Channels of the U-Net and size D of a latent, a multiple of 8.", minimum=8,
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
