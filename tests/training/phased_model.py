"""A model that is trained in two phases and compiles in no time: slots that share a picture made of two colours."""

import dataclasses
from unittest import mock

import keras
from keras import ops

from tests.training import runs
from tfobj import config
from tfobj import registry
from tfobj.models.object_model import NoiseSpec
from tfobj.models.object_model import ObjectModel
from tfobj.models.precomputation import Precomputation


@dataclasses.dataclass(frozen=True)
class PhasedConfig:
    """The knobs of the model."""

    num_slots: int = config.knob(2, "Slots.", minimum=2)
    quantized: bool = config.knob(False, "Cut the mean colours to 8 bits.")


class Phased(ObjectModel):
    """Paints what two layers make of the mean colour and of noise; phase `first` trains one, `second` both."""

    phases = ("first", "second")
    precomputable = {"second": "background"}

    def __init__(self, image_shape, num_slots=2, quantized=False, name=None):
        super().__init__(image_shape, num_slots, name=name, quantized=quantized)
        self.phase, self.quantized = "second", quantized
        self.first = keras.layers.Dense(3, name="first")
        self.second = keras.layers.Dense(3, name="second")

    @property
    def is_judged(self):
        """Only the second phase is."""
        return self.phase == "second"

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        return {"color": NoiseSpec((batch_size, 3), "normal")}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        mean = self._mean(image)
        return self._painted(mean / 255.0 if self.quantized else mean, noise)

    def _mean(self, image):
        mean = ops.mean(image, axis=(1, 2))  # [B,3]
        return ops.floor(255.0 * mean) if self.quantized else mean

    def _painted(self, mean, noise):
        color = self.first(mean + 0.1 * noise["color"])  # [B,3]
        if self.phase == "second":
            color = self.second(color)
        components = ops.broadcast_to(color[:, None, None, None], (ops.shape(mean)[0], 2, *self.image_shape))
        masks = ops.full((ops.shape(mean)[0], 2, *self.image_shape[:2]), 0.5)
        return {"reconstruction": ops.sum(masks[..., None] * components, axis=1), "masks": masks,
                "components": components, "slots": ops.stack([color, color], axis=1)}

    def losses_of(self, target, outputs):
        """`loss`: mean squared error."""
        return {"loss": ops.mean(ops.square(target - outputs["reconstruction"]), axis=(1, 2, 3))}

    def training_terms(self, image, target, noise, mean=None):
        """See `SlotModel.training_terms`; with the mean colours of the images, which are then not computed."""
        return super().training_terms(image, target, noise) if mean is None else \
            self.losses_of(target, self._painted(mean, noise))

    def precomputation(self):
        """The mean colour, see `SlotModel.precomputation`."""
        return Precomputation("mean colours", "mean", (3,), "uint8" if self.quantized else "float32", self._mean, [])

    def enter_phase(self, name):
        """See `SlotModel.enter_phase`."""
        self.phase = name
        self.second.trainable = name == "second"


def registered():
    """Registers the model for the time of a `with`."""
    entry = registry.ModelEntry(PhasedConfig, "tests.training.phased_model:Phased")
    return mock.patch.dict(registry.MODELS, {"phased": entry})


def experiment(phases="first:4:batch_size=16:learning_rate=1e-2,second:5", quantized=False, **changes):
    """An experiment of two phases, nine steps; keywords as of `runs.experiment`."""
    values = {"phases": phases, "log_every": 50, "validate_every": 50, "picture_every": 50, "checkpoint_every": 50,
              "validation_examples": 0, "warmup_steps": 3, "warmup": "quadratic", **changes}
    return dataclasses.replace(runs.experiment(**values), model="phased", model_config=PhasedConfig(quantized=quantized))
