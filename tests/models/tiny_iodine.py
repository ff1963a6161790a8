"""A tiny IODINE for the tests of the model."""

import keras

from tests import helpers
from tfobj import registry

SHAPE = (6, 5, 3)


def build(seed=0, **changes):
    """A model whose weights are away from their initial values; keywords change its configuration."""
    keras.utils.set_random_seed(seed)
    return helpers.perturb(registry.build_model("iodine", helpers.iodine_config(**changes), SHAPE), seed)


def loss_of(model, image, noise):
    """The training loss, a scalar."""
    return keras.ops.mean(model.losses_of(image, model(image, noise=noise))["loss"])
