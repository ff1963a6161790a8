"""The knobs of the VAE, as a frozen dataclass; see `tfobj.config`."""

import dataclasses

from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class VaeConfig:
    """VAE with one latent per image, made of IODINE's parts (Greff et al. 2019, Figures 5 and 6)."""

    num_slots: int = knob(1, "Slots K.", minimum=1)
    latent_size: int = knob(64, "Size Z of a slot's latent.", minimum=1)
    encoder_filters: tuple = knob((64, 64, 64, 64), "Channels of the convolutions of the encoder.", minimum=1)
    encoder_units: int = knob(256, "Units of the dense layer behind them.", minimum=1)
    decoder_filters: tuple = knob((64, 64, 64, 64), "Channels of the hidden convolutions of the decoder.", minimum=1)
    kernel_size: int = knob(3, "Side of all kernels of encoder and decoder.", minimum=1)
    pixel_density: str = knob("logistic", "Density of a pixel given its slot.", choices=("logistic", "normal"))
    pixel_scale: float = knob(0.0, "Scale of the density, of normal its standard deviation; 0: 0.03 of logistic, 0.1 "
                              "of normal; -1: trained.", minimum=-1.0)
    latent_prior: str = knob("ln2", "Variance of the prior of the latents: ln 2 as in IODINE's code, or 1.",
                             choices=("ln2", "unit"))
