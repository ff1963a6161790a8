"""What the tests of analyses share: an untrained run on tiny images, and models small enough to be known by heart."""

import atexit
import functools
import shutil
import tempfile
import unittest

import keras
import numpy as np
from keras import ops

from tests import helpers
from tests.training import runs
from tfobj import registry
from tfobj.data import source as sources
from tfobj.models.object_model import NoiseSpec, ObjectModel
from tfobj.ops.competition import softmax
from tfobj.training import checkpoints
from tfobj.training import run_directory
from tfobj.training import schedules
from tfobj.training.opened_run import OpenedRun, Settings

IMAGE_SHAPE = (16, 16, 3)


@functools.cache
def run_dir():
    """An untrained Slot Attention run on coloured shapes of 16x16 pixels; its directory is removed at exit."""
    directory = tempfile.mkdtemp(prefix="tfobj_test_analysis_")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    experiment = runs.experiment(image_size="16")
    keras.utils.set_random_seed(0)
    model = helpers.perturb(registry.build_model("slot_attention", experiment.model_config, IMAGE_SHAPE), scale=0.3)
    optimizer = schedules.make_optimizer(experiment.train)
    optimizer.build(model.trainable_variables)
    source = sources.open_source(experiment.data)
    written = run_directory.check_run(directory, experiment, IMAGE_SHAPE, source.fingerprint())
    run_directory.write_run(directory, experiment, IMAGE_SHAPE, source.fingerprint())
    checkpoints.Checkpoints(written, model, optimizer, 1).save(0)
    return directory


def silent(verb, noun):
    """A countdown that says nothing."""
    del verb, noun
    return lambda done, total: None


class AnalysisTestCase(unittest.TestCase):
    """Opens the run."""

    def open(self, model=None, **settings):
        """The run with 6 examples in batches of 4 (a padded one among them), or another model in its place."""
        opened = OpenedRun(Settings(run_dir(), **{"num_examples": 6, "batch_size": 4, **settings}))
        opened.model = model or opened.model
        return opened


class Refiner(ObjectModel):
    """A stand-in for models with a posterior and iterations: the noise is what it infers.

    A slot's logits are a plane over the image with the slopes of its first two latents, the third its offset; its
    colour is the fourth, in all channels.
    """

    STD = np.array([0.5, 1.0, 0.1, 2.0], np.float32)
    MEAN = np.array([1.0, 0.0, 3.0, 0.25], np.float32)
    prior_std = 0.5

    def __init__(self, num_slots=3, num_iterations=2):
        super().__init__(IMAGE_SHAPE, num_slots)
        self._num_iterations = num_iterations

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        count = (self._num_iterations if num_iterations is None else num_iterations) + 1
        return {"slots": NoiseSpec((batch_size, num_slots or self.num_slots, count, 4))}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        draws = noise["slots"]  # [B,K,T+1,4]
        stages = [self.decode(self.MEAN + self.STD * draws[:, :, step]) for step in range(draws.shape[2])]
        outputs = {f"iteration_{name}": ops.stack([stage[name] for stage in stages], axis=1)
                   for name in ("reconstruction", "masks", "components")}
        kl = ops.transpose(ops.sum(ops.square(draws), axis=-1), (0, 2, 1))  # [B,T+1,K]
        latents = stages[-1]["slots"]
        return {**stages[-1], **outputs, "iteration_kl": kl, "iteration_nll": -10.0 * ops.sum(kl, axis=-1),
                "latents": latents, "latent_mean": ops.zeros_like(latents) + self.MEAN,
                "latent_std": ops.zeros_like(latents) + self.STD}

    def decode(self, latents):
        """Paints latents [B,K,4]."""
        row, column = ops.linspace(-1.0, 1.0, 16)[:, None], ops.linspace(-1.0, 1.0, 16)
        down, right, offset, color = (latents[..., index, None, None] for index in range(4))
        masks = softmax(5.0 * (down * row + right * column) + offset, axis=1)  # [B,K,H,W]
        components = ops.ones((*IMAGE_SHAPE,)) * color[..., None]  # [B,K,H,W,C]
        return {"masks": masks, "components": components, "slots": latents,
                "reconstruction": ops.sum(masks[..., None] * components, axis=1)}

    def losses_of(self, image, outputs):
        return {"loss": ops.mean(ops.square(image - outputs["reconstruction"]), axis=(1, 2, 3))}


class Ambiguous(ObjectModel):
    """Cuts the image into halves, left and right or top and bottom, and orders its two slots by chance."""

    def __init__(self):
        super().__init__(IMAGE_SHAPE, num_slots=2)

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        return {"choice": NoiseSpec((batch_size, 2))}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        half = ops.cast(ops.arange(16) < 8, "float32")
        upright, swapped = ops.unstack(ops.cast(noise["choice"] > 0.0, "float32")[..., None, None], axis=1)  # [B,1,1]
        first = upright * half[None, None] + (1.0 - upright) * half[None, :, None]  # [B,H,W]
        first = swapped * first + (1.0 - swapped) * (1.0 - first)
        masks = ops.stack([first, 1.0 - first], axis=1)
        return {"masks": masks, "reconstruction": image, "components": ops.stack([image, image], axis=1),
                "slots": masks[:, :, 0, :1]}

    def losses_of(self, image, outputs):
        return {"loss": outputs["slots"][:, 0, 0]}
