"""What the variational models of the GENESIS family share: terms of the loss and the weight of the divergence."""

import keras
from keras import ops

from tfobj.layers.beta_warmup import BetaWarmup
from tfobj.layers.geco import Geco
from tfobj.models.object_model import ObjectModel
from tfobj.models.scene_prior import ScenePrior

_REFERENCE_PIXELS = 64 * 64  # the image size for which the step size of GECO is given


class GenerativeModel(ScenePrior, ObjectModel):
    """An `ObjectModel` with a likelihood and a prior: `loss = err + beta * (kl_l + kl_m)`.

    Subclasses also implement `sample_noise_spec` and `sample` of `ScenePrior`; `sample` returns what `completed` makes.

    Args:
        image_shape: Tuple (H, W, C).
        num_slots: int.
        beta_schedule: str. `geco`, `constant` or `warmup` (linear from 0).
        beta: float. The constant, or the end of the warm-up.
        beta_warmup_steps: int. Steps of the warm-up.
        geco_goal: float. Error per channel of a pixel that GECO shall reach, in nats.
        geco_rate: float. Step size of GECO for 64x64 pixels; it is scaled to the size of the images.
        geco_decay: float. Of the moving average of the error.
        geco_speedup: float. Factor on the step size once the goal is reached.
        geco_start: float. First beta of GECO.
        geco_minimum: float. Smallest beta of GECO.
        max_objective: float. Training stops when `objective` exceeds it.
        **config: Every other constructor argument of the subclass.
    """

    def __init__(self, image_shape, num_slots, beta_schedule, beta, beta_warmup_steps, geco_goal, geco_rate, geco_decay,
                 geco_speedup, geco_start=1.0, geco_minimum=1e-10, max_objective=1e8, name=None, **config):
        super().__init__(image_shape, num_slots, name=name, beta_schedule=beta_schedule, beta=beta,
                         beta_warmup_steps=beta_warmup_steps, geco_goal=geco_goal, geco_rate=geco_rate,
                         geco_decay=geco_decay, geco_speedup=geco_speedup, geco_start=geco_start,
                         geco_minimum=geco_minimum, max_objective=max_objective, **config)
        height, width, channels = self.image_shape
        self.num_elements = height * width * channels
        with keras.name_scope(self.name):  # its variables exist before the first call, unlike those of layers
            if beta_schedule == "geco":
                self.schedule = Geco(geco_goal * self.num_elements, geco_rate * _REFERENCE_PIXELS / (height * width),
                                     geco_decay, geco_speedup, geco_start, geco_minimum, name="schedule")
            else:
                self.schedule = BetaWarmup(beta, beta_warmup_steps if beta_schedule == "warmup" else 0, name="schedule")

    @property
    def term_limits(self):
        return {"objective": (self._config["max_objective"], "max_objective")}

    def terms_of(self, image, reconstruction, error, kl_latents, kl_masks):
        """Collects the terms of the loss, all in nats per image.

        Args:
            image: float32 [B, H, W, C] in [0, 1].
            reconstruction: float32 [B, H, W, C].
            error: float32 [B]. Minus the log-likelihood of the image.
            kl_latents: float32 [B]. One-sample estimate of the divergence of all latents from their prior.
            kl_masks: float32 [B]. Any divergence of masks.

        Returns:
            Dict of float32 [B]: `loss`; `err`, `kl_l` and `kl_m`, the arguments; `err_element`, the error per channel
            of a pixel; `elbo`, -(err + kl_l), the evidence lower bound; `objective`, err + kl_l + kl_m, the loss
            without weights, which the released code logs as its ELBO; `mse` and its root `rmse`; `beta`, the same for
            every image.
        """
        beta = ops.cast(self.schedule.beta.value, error.dtype)
        mse = ops.mean(ops.square(ops.cast(image, reconstruction.dtype) - reconstruction), axis=(1, 2, 3))
        return {"loss": error + beta * (kl_latents + kl_masks), "err": error, "kl_l": kl_latents, "kl_m": kl_masks,
                "err_element": error / self.num_elements, "elbo": -(error + kl_latents),
                "objective": error + kl_latents + kl_masks, "mse": mse, "rmse": ops.sqrt(mse),
                "beta": beta * ops.ones_like(error)}

    def slot_divergences(self, outputs):
        """The divergences of `outputs`, a dict from `call`, by slot: dict name -> [B, K], the parts of that term."""
        return {"kl_l": outputs["kl"]}

    def training_terms(self, image, target, noise):
        """Adds what shows the way of GECO and of each slot to the terms of `losses_of`.

        Returns:
            Dict of float32 [B], besides those terms: `kl_l_0` to `kl_l_<K-1>`, `kl_l` by slot, and the like for any
            other latents; with GECO also `err_average`, whose mean over the global batch is the moving average that
            this step leaves, and `err_average_element`, the same per channel of a pixel.
        """
        outputs = self(image, noise=noise, training=True)
        terms = self.losses_of(target, outputs)
        for name, divergences in self.slot_divergences(outputs).items():
            terms.update({f"{name}_{k}": divergences[:, k] for k in range(divergences.shape[1])})
        if isinstance(self.schedule, Geco):
            # Linear in the error, so that the mean over images is the average of the mean.
            average = self.schedule.next_average(terms["err"])
            terms.update(err_average=average, err_average_element=average / self.num_elements)
        return terms

    def after_step(self, terms):
        """Updates beta from the error of the global batch; the loss of the step has used the one before."""
        self.schedule.update(terms["err"])
