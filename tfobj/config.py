"""Every knob of tfobj, as frozen dataclasses. `tfobj.flags` turns each field into a command-line flag.

Nothing here imports TensorFlow or Keras, so that flags are checked before the slow imports.
"""

import dataclasses

from tfobj.errors import UserError


def knob(default, help_text, choices=None, minimum=None, maximum=None, at_test_time=False):
    """A configuration field with the text that `--help` shows and the values it accepts.

    Args:
        default: Value of the field when neither the experiment nor the command line sets it. Its type is the field's.
        help_text: str. One sentence.
        choices: Sequence of str or None. The accepted values of a string field.
        minimum: Number or None. Smallest accepted value.
        maximum: Number or None. Largest accepted value.
        at_test_time: bool. A trained model may be scored, asked and exported with another value.

    Returns:
        A `dataclasses.field`.
    """
    metadata = {"help": help_text, "choices": choices, "minimum": minimum, "maximum": maximum,
                "at_test_time": at_test_time}
    if isinstance(default, (list, dict)):
        raise TypeError("configuration values are immutable: use a tuple")
    return dataclasses.field(default=default, metadata=metadata)


def check_bounds(field, value, where):
    """Refuses a number below or above what a field accepts.

    Args:
        field: A field that `knob` made.
        value: Its value.
        where: str. What the user wrote, such as `--batch_size=0`, for the message.

    Raises:
        UserError: it is out of bounds.
    """
    lowest, highest = field.metadata["minimum"], field.metadata["maximum"]
    if lowest is not None and not value >= lowest:
        raise UserError(f"{where} is below the smallest possible value {lowest}")
    if highest is not None and not value <= highest:
        raise UserError(f"{where} is above the largest possible value {highest}")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What the images are and how they reach the model."""

    dataset: str = knob("", "Name of the data set; `python -m tfobj.prepare --list` shows them all.")
    dataset_variant: str = knob("", "Variant of a family, e.g. colored_on_grayscale; empty: the data set's first.")
    dataset_config: str = knob("generated", "Where the examples come from: drawn here (tiny: the first 64 training, 16 "
                               "validation, 16 test images of these), or the original release.",
                               choices=("generated", "official", "tiny"))
    data_dir: str = knob("data", "Directory of the prepared data sets.")
    manual_dir: str = knob("", "Directory of downloaded original files; empty: <data_dir>/manual.")
    input: str = knob("auto", "Decode records at every use (files), or once into arrays that are kept (memory); auto: "
                      "files with TensorFlow, memory with JAX, which does so in any case.",
                      choices=("auto", "files", "memory"))
    image_dir: str = knob("", "--dataset=folder: directory of PNG/JPEG images (searched recursively).")
    preprocessing: str = knob("none", "Recipe of a paper: crop, resize, and which official records are which split.",
                              choices=("none", "iodine", "iodine_legacy", "slot_attention", "slot_attention_properties",
                                       "genesis", "ast", "clevrtex"))
    splits: str = knob("recipe", "--dataset_config=official: the recipe's splits, or those that are stored.",
                       choices=("recipe", "stored"))
    image_size: str = knob("", "Size the model sees, `64` or `96x128` (rows x columns); empty: the recipe's or native.")
    image_channels: int = knob(0, "Channels the model sees: 1 averages, 3 repeats a gray image, 0 keeps the data's.",
                               minimum=0, maximum=3)
    grayscale: bool = knob(False, "Average the colours; --image_channels says how many equal channels the model sees.")
    sequence_frames: int = knob(0, "Of sequences: the first N frames; 1: the first as a single picture; 0: all.",
                                minimum=0)
    min_objects: int = knob(0, "Keep scenes with at least this many objects.", minimum=0)
    max_objects: int = knob(0, "Keep scenes with at most this many objects; 0: all.", minimum=0)
    exclude_objects: str = knob("", "Drop scenes with such an object: shape:sphere,color:green; several after `;`.")
    require_objects: str = knob("", "Keep scenes with such an object, as --exclude_objects; one of each of several.")
    num_train_examples: int = knob(0, "Use the first N training examples (before filters); 0: all.", minimum=0)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Optimisation, devices, bookkeeping."""

    num_steps: int = knob(500_000, "Optimizer steps in total.", minimum=1)
    phases: str = knob("", "Phases of training one after the other, with a fresh optimizer each: NAME:STEPS:knob=value,"
                       "NAME:STEPS. What a phase does not change is that of the flags; num_steps is their sum. "
                       "moments=keep goes on with the optimizer of the phase before; precompute=background computes "
                       "frozen backgrounds once. docs/curriculum.md has the rules.")
    batch_size: int = knob(64, "Images per step over all devices.", minimum=1)
    learning_rate: float = knob(4e-4, "Base learning rate.", minimum=0.0)
    warmup_steps: int = knob(10_000, "Steps of the warm-up, multiplied with the decay; 0: none.", minimum=0)
    warmup: str = knob("linear", "How the learning rate rises; quadratic: as in AST-Seg, whose first update counts as "
                       "step 1.", choices=("linear", "quadratic"))
    decay: str = knob("exponential", "Decay of the learning rate.", choices=("none", "exponential", "cosine", "step"))
    decay_rate: float = knob(0.5, "exponential: factor per decay_steps; cosine, step: fraction left at the end.",
                             minimum=0.0)
    decay_steps: int = knob(100_000, "exponential: steps per decay_rate; cosine: length (0: num_steps); step: updates "
                            "before the last part begins.", minimum=0)
    optimizer: str = knob("adam", "Optimizer.", choices=("adam", "adamw", "rmsprop", "sgd"))
    adam_epsilon: float = knob(1e-8, "Adam's epsilon.", minimum=0.0)
    adam_beta_1: float = knob(0.9, "Decay of Adam's mean of the gradients.", minimum=0.0, maximum=0.9999)
    adam_beta_2: float = knob(0.999, "Decay of Adam's mean of the squared gradients.", minimum=0.0, maximum=0.99999)
    rmsprop_rho: float = knob(0.99, "Decay of RMSprop's mean of the squared gradients.", minimum=0.0, maximum=0.99999)
    rmsprop_epsilon: float = knob(1e-8, "RMSprop's epsilon, added to the root of that mean.", minimum=0.0)
    weight_decay: float = knob(0.0, "AdamW's decoupled weight decay.", minimum=0.0)
    clip_norm: float = knob(0.0, "Global gradient norm after the reduce over devices; 0: no clipping.", minimum=0.0)
    seed: int = knob(0, "Seed of weights, data order and noise.", minimum=0, maximum=2**32 - 1)
    strategy: str = knob("auto", "Devices: auto takes every GPU of this machine, else one device.",
                         choices=("auto", "one_device", "mirrored", "multi_worker"))
    num_devices: int = knob(0, "Devices per machine; 0: all GPUs, or one CPU. More CPUs than one are logical devices.",
                            minimum=0)
    precision: str = knob("float32", "Arithmetic of the layers; weights, likelihoods and softmaxes stay float32. "
                          "tensorfloat32 lets GPUs that have it round the factors of matrix products to 10 bits.",
                          choices=("float32", "tensorfloat32", "mixed_bfloat16"))
    jit_compile: bool = knob(False, "Compile loss and gradients with XLA.")
    deterministic: bool = knob(True, "Use deterministic kernels, so that a repeated or resumed run is bit-equal.")
    steps_per_loop: int = knob(100, "Steps per call of the compiled loop (upper bound).", minimum=1)
    log_every: int = knob(100, "Steps between scalars.", minimum=1)
    validate_every: int = knob(5_000, "Steps between validations.", minimum=1)
    picture_every: int = knob(10_000, "Steps between pictures.", minimum=1)
    checkpoint_every: int = knob(1_000, "Steps between checkpoints.", minimum=1)
    keep_checkpoints: int = knob(5, "Recent checkpoints to keep; the best by validation score is kept beside them.",
                                 minimum=1)
    validation_examples: int = knob(320, "Validation images; 0 turns validation off.", minimum=0)
    eval_batch_size: int = knob(32, "Images per evaluation step over all devices.", minimum=1)


@dataclasses.dataclass(frozen=True)
class SlotEncoderConfig:
    """The encoder that Slot Attention and its baselines share."""

    num_slots: int = knob(7, "Slots K.", minimum=1)
    slot_size: int = knob(64, "Slot size D.", minimum=1)
    encoder_channels: int = knob(64, "Channels of each encoder convolution.", minimum=1)
    encoder_strides: tuple = knob((1, 1, 1, 1), "Strides of the encoder convolutions, one per layer.", minimum=1)
    encoder_position_embedding: bool = knob(True, "Add the soft position embedding to the encoder features.")


@dataclasses.dataclass(frozen=True)
class SlotDecoderConfig:
    """The decoder that Slot Attention and its baseline share."""

    decoder_channels: int = knob(64, "Channels of each hidden decoder layer.", minimum=1)
    decoder_broadcast_size: int = knob(8, "Side of the broadcast grid; 0: the full image.", minimum=0)
    decoder_strides: tuple = knob((2, 2, 2, 2, 1), "Strides of the hidden 5x5 transposed convolutions.", minimum=1)


@dataclasses.dataclass(frozen=True)
class AttentionConfig:
    """The Slot Attention module."""

    num_iterations: int = knob(3, "Attention iterations T in training.", minimum=0)
    mlp_hidden_size: int = knob(128, "Hidden units of the residual slot MLP.", minimum=1)
    aggregation: str = knob("mean", "Weighted mean, sum, or sum with LayerNorm of the values (Appendix B).",
                            choices=("mean", "sum", "sum_layernorm"))
    softmax_axis: str = knob("slots", "Axis of the attention softmax (Appendix B).", choices=("slots", "inputs"))
    slot_init: str = knob("shared", "One Gaussian for all slots, or one per slot (Appendix B).",
                          choices=("shared", "per_slot"))
    update: str = knob("gru", "Slot update (Appendix B).", choices=("gru", "replace"))
    use_mlp: bool = knob(True, "Residual MLP after the update.")
    norm_inputs: bool = knob(True, "LayerNorm on the inputs.")
    norm_slots: bool = knob(True, "LayerNorm on the slots.")
    norm_mlp: bool = knob(True, "LayerNorm before the residual MLP.")
    use_projections: bool = knob(True, "Linear q, k, v; without them encoder_channels must equal slot_size.")
    attention_scale: float = knob(0.0, "Factor on the logits; 0: 1/sqrt(slot_size).", minimum=0.0)
    attention_epsilon: float = knob(1e-8, "Offset before the renormalisation over inputs.", minimum=0.0)
    epsilon_mode: str = knob("attention", "Where the offset is added (Appendix B).",
                             choices=("attention", "denominator"))


@dataclasses.dataclass(frozen=True)
class SlotAttentionConfig(SlotDecoderConfig, AttentionConfig, SlotEncoderConfig):
    """Slot Attention for object discovery (Locatello et al. 2020); defaults are the paper's CLEVR model."""


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
    """A whole run: the model's name and the three groups of knobs."""

    model: str
    model_config: object
    data: DataConfig
    train: TrainConfig
