"""Every registered model once, in a tiny configuration: what the properties of this directory are checked on.

A model joins by adding one `Descriptor`.
"""

import dataclasses
import functools

import keras
import numpy as np

from tests import helpers
from tests import sets
from tfobj import ast_seg_config
from tfobj import genesis_config
from tfobj import registry
from tfobj import set_prediction_config
from tfobj import vae_config


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """A model and what is known about it.

    Attributes:
        name: str. Key of `tfobj.registry.MODELS`.
        config: Instance of its configuration class, small enough that a step takes milliseconds.
        other_config: Another one, whose weights have other shapes.
        image_shape: Tuple (H, W, C).
        inert: Dict from the name of a weight to the index of its entries whose gradient is zero in exact arithmetic.
        slot_noise: Names of the noise entries whose axis 1 is the slot; permuting them permutes the slots. Empty: the
            model is not equivariant.
        slot_axes: Dict from the name of an output to its slot axis, for the equivariance.
        float32_layers: Names of the layers that stay float32 under every policy.
        fixed_slots: bool. The number of slots cannot be overridden.
        main_output: str. The output that says most.
        two_device_optimizer: Tuple (optimizer, learning rate) of the run on two devices. Where many gradients are
            nearly zero, or ReLUs many, Adam turns rounding noise into full steps.
        derivable: Instance of the configuration class with which the gradients of training are those of the loss, where
            `config` stops some on purpose. None: `config`.
    """

    name: str
    config: object
    other_config: object
    image_shape: tuple
    inert: dict
    slot_noise: tuple
    slot_axes: dict
    float32_layers: tuple
    fixed_slots: bool = False
    main_output: str = "reconstruction"
    two_device_optimizer: tuple = ("adam", 1e-3)
    derivable: object = None

    def build(self, seed=0, model_config=None):
        """A built model whose weights are all away from their initial values and follow from the seed."""
        keras.utils.set_random_seed(seed)
        model = registry.build_model(self.name, model_config or self.config, self.image_shape)
        return helpers.perturb(model, seed)

    def image(self, count, seed=0):
        """Images, float32 [count, H, W, C] in [0, 1]."""
        return helpers.unit_images(count, self.image_shape, seed)

    def target(self, count, seed=0):
        """What the loss compares the outputs for `image` with: the images, or sets of objects."""
        if not registry.load(registry.model_entry(self.name).path).needs_factors:
            return self.image(count, seed)
        return sets.random_targets(count, self.config.num_slots, np.random.default_rng(seed))

    def batch(self, count):
        """A batch of the data: dict of images, uint8, and where the loss takes them the factors of the objects."""
        batch, target = {"image": helpers.images(count, self.image_shape)}, self.target(count)
        if target.shape[1:] != self.image_shape:
            batch["objects"], batch["visibility"] = sets.factors_of(target)
        return batch

    def without_inert(self, values):
        """Copies named arrays without the inert entries, where only rounding noise lives and optimizers wander.

        Args:
            values: Dict from the name of a weight to an array.

        Returns:
            Dict of the same names.
        """
        values = {name: np.array(value) for name, value in values.items()}
        for name, index in self.inert.items():
            values[name][index] = 0.0
        return values


SLOT_AXES = {"masks": 1, "components": 1, "slots": 1}

# A background that leaves something to the objects, so that gradients reach them.
AST_SEG = ast_seg_config.AstSegConfig(
    num_slots=4, appearance_size=6, feature_generator="unet", unet_widths=(4, 6), transformer_width=8,
    transformer_heads=2, transformer_hidden_size=12, transformer_layers=1, glimpse_widths=(16, 8),
    background_model="tiny", background_activation=1.0, max_inverse_scale=4.0, pixel_entropy_steps=0)

# A kernel and scale that clip no pixel but the seed, and decoder masks that are not detached: finite differences do not
# find the derivative of what is clipped or detached.
GENESIS_V2 = genesis_config.GenesisV2Config(num_slots=3, feature_size=16, similarity_kernel="laplacian",
                                            mask_loss=True, detach_decoder_masks=False)

# Moving statistics that nothing has moved leave so little of the masks that gradients drown in rounding.
GENESIS = genesis_config.GenesisConfig(
    num_slots=3, mask_latent_size=8, latent_size=2, encoder_filters=(3, 3, 4, 4, 4), decoder_filters=(4, 4, 3, 3, 3, 3),
    component_channels=3, hidden_size=6, decoder_norm="in")
MONET_G = genesis_config.MonetGConfig(num_slots=2, latent_size=3, attention_channels=2, component_channels=6,
                                      hidden_size=6)

VAE = vae_config.VaeConfig(num_slots=2, latent_size=4, encoder_filters=(4, 6), encoder_units=8, decoder_filters=(6, 6))

_SLOTS = {"num_slots": 3, "slot_size": 6, "encoder_channels": 4, "encoder_strides": (2, 1)}
SLOT_ATTENTION_PROPERTIES = set_prediction_config.SlotAttentionPropertiesConfig(
    **_SLOTS, num_iterations=2, mlp_hidden_size=8, head_hidden_size=7, iteration_loss="mean", coordinate_scale=2.0)
SLOT_MLP = set_prediction_config.SlotMlpConfig(
    **_SLOTS, slot_mlp_sizes=(8, 7), shared_mlp_size=5, decoder_channels=4, decoder_broadcast_size=0,
    decoder_strides=(2, 1))
SLOT_MLP_PROPERTIES = set_prediction_config.SlotMlpPropertiesConfig(**_SLOTS, slot_mlp_sizes=(8, 7), head_hidden_size=7)
# Small inner steps: large ones push the masks out of [0, 1], where they have no gradient.
DSPN = set_prediction_config.DspnConfig(
    num_slots=3, num_iterations=2, encoder_channels=3, encoder_blocks=(1, 1), latent_size=5, set_hidden_size=6,
    num_pieces=4, inner_learning_rate=2.0)

MODELS = (
    Descriptor(
        name="slot_attention",
        config=helpers.slot_attention_config(),
        other_config=helpers.slot_attention_config(encoder_channels=4),
        image_shape=(16, 16, 3),
        # The softmax over slots ignores what all slots share: an offset of the queries, and the bias of the mask logit.
        inert={"slot_attention/norm_slots/beta": ..., "decoder/deconv2/bias": -1},
        slot_noise=("slots",),
        slot_axes={**SLOT_AXES, "attention": 2},
        float32_layers=("slot_attention",),
    ),
    Descriptor(
        name="slot_attention_properties",
        config=SLOT_ATTENTION_PROPERTIES,
        other_config=dataclasses.replace(SLOT_ATTENTION_PROPERTIES, head_hidden_size=9),
        image_shape=(16, 16, 3),
        inert={"slot_attention/norm_slots/beta": ...},
        slot_noise=("slots",),
        slot_axes={"predictions": 1, "slots": 1, "attention": 2, "iteration_predictions": 2},
        float32_layers=("slot_attention", "head"),
        main_output="predictions",
    ),
    Descriptor(
        name="slot_mlp",
        config=SLOT_MLP,
        other_config=dataclasses.replace(SLOT_MLP, slot_mlp_sizes=(8, 9)),
        image_shape=(16, 16, 3),
        inert={"decoder/deconv2/bias": -1},
        slot_noise=(),
        slot_axes={},
        float32_layers=(),
        fixed_slots=True,
        two_device_optimizer=("adam", 1e-4),  # slow, so that gradients stay large enough to be clipped
    ),
    Descriptor(
        name="slot_mlp_properties",
        config=SLOT_MLP_PROPERTIES,
        other_config=dataclasses.replace(SLOT_MLP_PROPERTIES, slot_size=5),
        image_shape=(16, 16, 3),
        inert={},
        slot_noise=(),
        slot_axes={},
        float32_layers=("head",),
        fixed_slots=True,
        main_output="predictions",
    ),
    Descriptor(
        name="dspn",
        config=DSPN,
        other_config=dataclasses.replace(DSPN, latent_size=6),
        image_shape=(16, 16, 3),
        inert={},
        slot_noise=(),
        slot_axes={},
        float32_layers=("decoder",),
        fixed_slots=True,
        main_output="predictions",
        two_device_optimizer=("sgd", 0.01),  # batch normalisation leaves no gradient to the bias before it
    ),
    Descriptor(
        name="iodine",
        config=helpers.iodine_config(num_iterations=1),  # each further one takes seconds to trace and to compile
        other_config=helpers.iodine_config(lstm_size=0),
        image_shape=(6, 5, 3),
        inert={"refinement/lstm/recurrent_kernel": ...},  # it meets zeros in the first iteration
        slot_noise=("slots",),
        slot_axes={**SLOT_AXES, "iteration_masks": 2, "iteration_kl": 2, "latents": 1},
        float32_layers=("initial_posterior", "pixel_density", "refinement_inputs", "lstm"),
        derivable=helpers.iodine_config(excluded_inputs="counterfactual,dcomponents,dmask,dzp,log_prob"),
    ),
    Descriptor(
        name="ast_seg",
        config=AST_SEG,
        other_config=dataclasses.replace(AST_SEG, appearance_size=5),
        image_shape=(32, 32, 3),
        inert={"transformer/layer0/qkv/bias": slice(8, 16)},  # the softmax ignores what all keys share
        slot_noise=(),
        slot_axes={},
        float32_layers=(),
        fixed_slots=True,
        two_device_optimizer=("sgd", 0.1),
    ),
    Descriptor(
        name="genesis_v2",
        config=GENESIS_V2,
        other_config=dataclasses.replace(GENESIS_V2, feature_size=8),
        image_shape=(16, 16, 3),
        # Distances of embeddings ignore a common offset, the softmax over slots an offset of all logits.
        inert={"embedding/conv/bias": ..., "decoder/out/bias": -1},
        slot_noise=(),
        slot_axes={},
        float32_layers=("embedding", "stick_breaking"),
        two_device_optimizer=("sgd", 0.03),
    ),
    Descriptor(
        name="genesis",
        config=GENESIS,
        other_config=dataclasses.replace(GENESIS, hidden_size=5),
        image_shape=(16, 16, 3),
        inert={f"mask_decoder/dec{i}/conv/bias": ... for i in range(1, 6)},  # the normalisation takes them away
        slot_noise=(),
        slot_axes={},
        float32_layers=(),
        two_device_optimizer=("sgd", 0.03),  # batch normalisation leaves no gradient to the bias before it
    ),
    Descriptor(
        name="monet_g",
        config=MONET_G,
        other_config=dataclasses.replace(MONET_G, component_channels=4),
        image_shape=(16, 16, 3),
        # The softmax over slots ignores an offset of all logits; the first scope, whose log is 0, meets a kernel.
        inert={"decoder/out/bias": -1, "attention/unet/down0/conv/kernel": (slice(None), slice(None), 3)},
        slot_noise=(),
        slot_axes={},
        float32_layers=(),
        two_device_optimizer=("sgd", 0.03),
    ),
    Descriptor(
        name="vae",
        config=VAE,
        other_config=dataclasses.replace(VAE, encoder_units=10),
        image_shape=(16, 16, 3),
        inert={},
        slot_noise=(),  # its slots are the mean of one posterior, the same for all
        slot_axes={},
        float32_layers=("pixel_density",),
    ),
)


def for_every_model(test):
    """Turns a test method that takes a `Descriptor` into one that runs it for every model."""
    @functools.wraps(test)
    def run(self):
        for descriptor in MODELS:
            with self.subTest(model=descriptor.name):
                test(self, descriptor)

    return run


def weights_of(model):
    """Dict from the name of a trainable weight to its values."""
    return {helpers.weight_name(variable): helpers.array(variable) for variable in model.trainable_variables}
