"""Learning rate schedules."""

import math

import keras
from keras import ops

from tfobj.config import TrainConfig
from tfobj.errors import UserError
from tfobj.training.continued_adam import ContinuedAdam
from tfobj.training.rmsprop import RMSprop


@keras.saving.register_keras_serializable(package="tfobj")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up times decay, both active from step 0 (Slot Attention, Section E.4, as in its code).

    `rate(s) = learning_rate * min(s / warmup_steps, 1) * decay(s)` for the update made at step s = 0, 1, ...; with
    warm-up, the first update has rate 0. `decay(s)` is 1, `decay_rate ** (s / decay_steps)`, or a cosine from 1 to
    `decay_rate` over `decay_steps`.

    AST-Seg counts updates from 1, u = s + 1: a quadratic warm-up is min(u / warmup_steps, 1)^2, the decay `step` is 1
    for u < `decay_steps` and `decay_rate` from there on.

    Args:
        learning_rate: float.
        warmup_steps: int. 0 for none. Defaults to `0`.
        decay: str. `none`, `exponential`, `cosine` or `step`. Defaults to `none`.
        decay_rate: float. Defaults to `1.0`.
        decay_steps: int. Defaults to `1`.
        warmup: str. `linear` or `quadratic`. Defaults to `linear`.
        first_step: int. Steps of the schedule that are over before the optimizer's first update. Defaults to `0`.
    """

    def __init__(self, learning_rate, warmup_steps=0, decay="none", decay_rate=1.0, decay_steps=1,
                 warmup="linear", first_step=0):
        super().__init__()
        self.config = {"learning_rate": learning_rate, "warmup_steps": warmup_steps, "decay": decay,
                       "decay_rate": decay_rate, "decay_steps": decay_steps, "warmup": warmup,
                       "first_step": first_step}

    def __call__(self, step):
        step = ops.cast(step, "float32") + self.config["first_step"]
        config = self.config
        rate = ops.convert_to_tensor(config["learning_rate"], dtype="float32")
        if config["warmup_steps"]:
            rate = rate * self._warmup(step)
        return rate * self._decay(step)

    def _warmup(self, step):
        if self.config["warmup"] == "quadratic":
            return ops.square(ops.minimum((step + 1.0) / self.config["warmup_steps"], 1.0))
        return ops.minimum(step / self.config["warmup_steps"], 1.0)

    def _decay(self, step):
        rate, steps = self.config["decay_rate"], self.config["decay_steps"]
        if self.config["decay"] == "exponential":
            return ops.power(ops.convert_to_tensor(rate, dtype="float32"), step / steps)
        if self.config["decay"] == "cosine":
            progress = ops.minimum(step / steps, 1.0)
            return rate + (1.0 - rate) * 0.5 * (1.0 + ops.cos(math.pi * progress))
        if self.config["decay"] == "step":
            return ops.where(step + 1.0 < steps, 1.0, rate)
        return 1.0

    def get_config(self):
        return dict(self.config)


def make_optimizer(config: TrainConfig, first_step=0, joined=None):
    """Creates the optimizer of a run; clipping is the training step's business, not the optimizer's.

    Args:
        config: `TrainConfig`.
        first_step: int. Steps of the learning rate's schedule that are over already. Defaults to `0`.
        joined: Dict or None. Of an Adam that goes on: the paths of the variables that join it late, each with the
            updates that were over, see `ContinuedAdam`. Defaults to `None`.

    Returns:
        A Keras optimizer with a `WarmupDecay` schedule.

    Raises:
        UserError: a cosine that would be cut off.
    """
    decay_steps = config.decay_steps or config.num_steps
    if config.decay == "cosine" and decay_steps > config.num_steps:
        raise UserError(f"--decay=cosine with --decay_steps={decay_steps} would not end within --num_steps="
                        f"{config.num_steps}; use --decay_steps=0, which takes the length of the run")
    rate = WarmupDecay(config.learning_rate, config.warmup_steps, config.decay, config.decay_rate, decay_steps,
                       config.warmup, first_step)
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate)
    if config.optimizer == "rmsprop":
        return RMSprop(rate, config.rmsprop_rho, config.rmsprop_epsilon)
    adam = {"beta_1": config.adam_beta_1, "beta_2": config.adam_beta_2, "epsilon": config.adam_epsilon}
    if joined:
        return ContinuedAdam(rate, joined, weight_decay=config.weight_decay if config.optimizer == "adamw" else None,
                             **adam)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, **adam)
    return keras.optimizers.Adam(rate, **adam)
