"""Knobs of the models that predict the properties of objects, and of the Slot MLP. See `tfobj.config`."""

import dataclasses

from tfobj.config import AttentionConfig
from tfobj.config import SlotDecoderConfig
from tfobj.config import SlotEncoderConfig
from tfobj.config import knob


@dataclasses.dataclass(frozen=True)
class MatchingConfig:
    """How two sets are paired."""

    matching: str = knob("auto", "How predictions are paired with objects: by tensor operations (subsets), by SciPy on "
                         "the host, or the former up to 12 of them.", choices=("auto", "subsets", "scipy"))


@dataclasses.dataclass(frozen=True)
class SetLossConfig(MatchingConfig):
    """The loss that compares sets."""

    coordinate_scale: float = knob(1.0, "The loss takes coordinates as numbers from 0 to this (Appendix C.2).",
                                   minimum=0.0)


@dataclasses.dataclass(frozen=True)
class PropertyEncoderConfig(SlotEncoderConfig):
    """The encoder of set prediction."""

    num_slots: int = knob(10, "Slots K.", minimum=1)
    encoder_strides: tuple = knob((1, 2, 2, 1), "Strides of the encoder convolutions, one per layer.", minimum=1)
    head_hidden_size: int = knob(64, "Hidden units of the network that reads the properties from a slot.", minimum=1)


@dataclasses.dataclass(frozen=True)
class SlotAttentionPropertiesConfig(SetLossConfig, AttentionConfig, PropertyEncoderConfig):
    """Slot Attention for set prediction (Locatello et al. 2020); defaults are the paper's CLEVR10 model."""

    iteration_loss: str = knob("last", "The loss is that of the last iteration, or the mean or the sum over all "
                               "iterations (Appendix C.2).", choices=("last", "mean", "sum"))


@dataclasses.dataclass(frozen=True)
class SlotMlpConfig(SlotDecoderConfig, SlotEncoderConfig):
    """Slot MLP, the baseline of Slot Attention for object discovery; defaults are the paper's (Table 10)."""

    slot_mlp_sizes: tuple = knob((512, 1024, 1024), "Units of the dense layers before the slots.", minimum=1)
    shared_mlp_size: int = knob(64, "Hidden units of the two layers behind, which the slots share; 0: none.", minimum=0)


@dataclasses.dataclass(frozen=True)
class SlotMlpPropertiesConfig(SetLossConfig, PropertyEncoderConfig):
    """Slot MLP, the baseline of Slot Attention for set prediction; defaults are the paper's (Table 9)."""

    slot_mlp_sizes: tuple = knob((512, 512), "Units of the dense layers before the slots.", minimum=1)
    shared_mlp_size: int = knob(0, "Hidden units of the two layers behind, which the slots share; 0: none.", minimum=0)


@dataclasses.dataclass(frozen=True)
class DspnConfig(MatchingConfig):
    """Deep Set Prediction Network (Zhang et al. 2019); defaults are those of its code for CLEVR's properties."""

    num_slots: int = knob(10, "Elements of the set.", minimum=1)
    num_iterations: int = knob(10, "Steps of the inner gradient descent.", minimum=0)
    encoder_channels: int = knob(64, "Channels of the first stage of the ResNet, doubled in each of the next.",
                                 minimum=1)
    encoder_blocks: tuple = knob((3, 4, 6, 3), "Residual blocks of each stage; these make a ResNet-34.", minimum=1)
    latent_size: int = knob(512, "Size of what images and sets are encoded to.", minimum=1)
    set_hidden_size: int = knob(512, "Hidden units of the set encoder.", minimum=1)
    num_pieces: int = knob(20, "Linear pieces of the weights by which FSPool sums sorted features.", minimum=1)
    inner_learning_rate: float = knob(25.0, "Step size of the inner gradient descent on the loss of one image; 800 of "
                                      "the code is for the mean over its 32.", minimum=0.0)
    representation_weight: float = knob(0.1, "Weight of the distance between encoded image and encoded true set.",
                                        minimum=0.0)
    iteration_loss: str = knob("last", "The loss is that of the last step, or the mean over all.",
                               choices=("last", "mean"))
