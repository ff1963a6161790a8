"""The knobs of IODINE, as a frozen dataclass; see `tfobj.config`."""

import dataclasses

from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class IodineConfig:
    """IODINE (Greff et al. 2019); defaults are the published CLEVR6 model."""

    num_slots: int = knob(7, "Slots K.", minimum=1)
    num_iterations: int = knob(5, "Refinements T in training.", minimum=1)
    latent_size: int = knob(64, "Size Z of a slot's latent.", minimum=1)
    decoder_filters: tuple = knob((64, 64, 64, 64), "Channels of the hidden convolutions of the decoder.", minimum=1)
    refinement_filters: tuple = knob((64, 64, 64, 64), "Channels of the convolutions of the refinement network.",
                                     minimum=1)
    kernel_size: int = knob(3, "Side of all kernels of decoder and refinement network.", minimum=1)
    refinement_mlp: tuple = knob((256, 256), "Units of the dense layers of the refinement network.", minimum=1)
    lstm_size: int = knob(256, "Units of the refinement network's LSTM; 0: no LSTM.", minimum=0)
    refinement_head: str = knob("additive", "How the refinement network updates the posterior; predictor_corrector: "
                                "gated, for sequences.", choices=("additive", "predictor_corrector"))
    predictor_units: int = knob(64, "Hidden units of the prediction of predictor_corrector.", minimum=1)
    corrector_bias: float = knob(0.0, "Added to the logit of predictor_corrector's share of the update.")
    predictor_bias: float = knob(0.0, "Added to the logit of predictor_corrector's share of the prediction.")
    refinement_coordinates: str = knob("linear", "Coordinates that the refinement network sees.",
                                       choices=("linear", "cosine"))
    num_frequencies: int = knob(3, "Frequencies per axis of cosine coordinates.", minimum=2)
    excluded_inputs: str = knob("", "Inputs that the refinement network does not get, comma-separated, e.g. image,dzp.")
    pixel_density: str = knob("logistic", "Density of a pixel given its slot.", choices=("logistic", "normal"))
    pixel_scale: float = knob(0.0, "Scale of the density, of normal its standard deviation; 0: 0.03 of logistic, 0.1 "
                              "of normal; -1: trained.", minimum=-1.0)
    joint_channels: bool = knob(True, "All channels of a pixel belong to one slot; false: each channel is a mixture.")
    latent_prior: str = knob("ln2", "Variance of the prior of the latents: ln 2 as in the published code, or 1.",
                             choices=("ln2", "unit"))
    iteration_weights: str = knob("linspace", "Weights of the T + 1 losses: linspace from 0 to 1, one number, or a "
                                  "comma-separated list.")
    legacy_constants: bool = knob(True, "Keep the constant channels of the published model.")
    gradient_batch: int = knob(4, "Divides the loss whose gradients the refinement network reads; the published models "
                               "saw the mean over the images of one device.", minimum=1)
    sequential: bool = knob(False, "Iteration t sees frame t of sequences with at least num_iterations + 1 frames.")
