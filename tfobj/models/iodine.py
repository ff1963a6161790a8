"""IODINE: iterative amortised inference of object representations (Greff et al. 2019)."""

import dataclasses
import math

import keras
from keras import ops
import numpy as np

from tfobj.errors import UserError
from tfobj.iodine_config import IodineConfig
from tfobj.layers.coordinate_broadcast_decoder import CoordinateBroadcastDecoder
from tfobj.layers.initial_posterior import InitialPosterior
from tfobj.layers.pixel_density import PixelDensity, scale_of
from tfobj.layers.refinement_inputs import CONSTANTS, RefinementInputs
from tfobj.layers.refinement_network import RefinementNetwork
from tfobj.models.object_model import NoiseSpec, ObjectModel
from tfobj.models.scene_prior import ScenePrior
from tfobj.ops import slot_evidence
from tfobj.ops.autodiff import value_and_gradient
from tfobj.ops.competition import log_softmax, softmax
from tfobj.ops.distributions import log_softplus, mixture_log_likelihood, normal_kl
from tfobj.ops.precision import at_least_float32, island_dtype

DECODER_CONSTANT = 5.0
"""A channel of the published decoder's input, without a meaning."""
PRIOR_VARIANCE = {"ln2": math.log(2.0), "unit": 1.0}
"""ln2 is softplus(0): the published code passes zeros through the parametrisation of the posterior."""
PIXEL_SCALE = {"logistic": 0.03, "normal": 0.1}


@keras.saving.register_keras_serializable(package="tfobj")
class Iodine(ScenePrior, ObjectModel):
    """Decodes K latents into a spatial mixture and refines their posteriors T times with the gradients of the ELBO.

    Iteration t = 0, ..., T samples z, decodes it and computes the loss L(t); all but the last then refine the
    posterior. The loss weighs L(t) with t / T. Posterior of a slot: normal with variance softplus(raw).

    Noise: `slots` [B, K, T + 1, Z], standard normal; entry t is the sample of iteration t.

    The refinement reads gradients of the mean of L over a batch, and its normalisation makes a difference where these
    are tiny. So that an image's result does not depend on the batch around it, they are divided by `gradient_batch`
    and not by B; the published code has B, which in its training was the batch of one device.

    Outputs besides the contract's, whose `slots` are the means of the last posterior and whose maps are those of the
    last decode: `iteration_reconstruction` [B,T+1,H,W,C], `iteration_masks` [B,T+1,K,H,W], `iteration_components`
    [B,T+1,K,H,W,C], `iteration_nll` [B,T+1] (negative log-likelihood in nats, summed over pixels), `iteration_kl`
    [B,T+1,K]; `latents`, `latent_mean` and `latent_std` [B,K,Z], sample and posterior of the last iteration.

    With `sequential`, images are sequences [B,F,H,W,C] with F > T: iteration t sees frame t, and L(t) scores a
    prediction, because z has seen earlier frames only. Outputs are those of frame T.

    Args:
        image_shape: Tuple (H, W, C).
        **options: Fields of `tfobj.iodine_config.IodineConfig`.

    Raises:
        UserError: options that contradict each other, or input names that do not exist.
    """

    iterations_to_build = 1

    def __init__(self, image_shape, name=None, **options):
        options = IodineConfig(**{key: tuple(value) if isinstance(value, list) else value
                                  for key, value in options.items()})
        super().__init__(image_shape, name=name, **dataclasses.asdict(options))
        self.options = options
        self.num_iterations, self.latent_size = options.num_iterations, options.latent_size
        self.num_frames = self.frames_of(options)
        self.loss_weights(self.num_iterations)
        excluded = tuple(filter(None, options.excluded_inputs.split(",")))
        excluded += () if options.legacy_constants else CONSTANTS
        *image_size, channels = self.image_shape

        # === Layers: all but the convolutions and the dense layers are float32 islands ===
        island = {"dtype": island_dtype()}
        self.initial_posterior = InitialPosterior(options.latent_size, name="initial_posterior", **island)
        self.decoder = CoordinateBroadcastDecoder(
            image_size, channels + 1, options.decoder_filters, options.kernel_size,
            DECODER_CONSTANT if options.legacy_constants else 0.0, name="decoder")
        scale = scale_of(options.pixel_scale, PIXEL_SCALE[options.pixel_density])
        self.pixel_density = PixelDensity(options.pixel_density, scale, name="pixel_density", **island)
        self.refinement_inputs = RefinementInputs(
            self.image_shape, options.latent_size, excluded, options.refinement_coordinates, options.num_frequencies,
            name="refinement_inputs", **island)
        self.refinement = RefinementNetwork(
            options.refinement_filters, options.kernel_size, options.refinement_mlp, options.lstm_size,
            options.refinement_head,
            {"hidden_size": options.predictor_units, "corrector_bias": options.corrector_bias,
             "predictor_bias": options.predictor_bias}, name="refinement")
        self._check_num_slots(self.num_slots)

    @classmethod
    def frames_of(cls, model_config):
        return model_config.num_iterations + 1 if model_config.sequential else 0

    @property
    def prior_std(self):
        """float, standard deviation of every entry of a latent under the prior, whose mean is 0."""
        return math.sqrt(PRIOR_VARIANCE[self.options.latent_prior])

    def noise_spec(self, batch_size, num_slots=None, num_iterations=None):
        num_slots = num_slots or self.num_slots
        self._check_num_slots(num_slots)
        return {"slots": NoiseSpec((batch_size, num_slots, self._count(num_iterations) + 1, self.latent_size))}

    def forward(self, image, noise, num_slots=None, num_iterations=None):
        stages = self.infer(image, noise, num_iterations)
        stacks = {f"iteration_{name}": ops.stack([stage[name] for stage in stages], axis=1)
                  for name in ("reconstruction", "masks", "components", "nll", "kl")}
        last = stages[-1]
        painted = {name: last[name] for name in ("reconstruction", "masks", "components")}
        return {**painted, **stacks, "slots": last["latent_mean"],
                **{name: last[name] for name in ("latents", "latent_mean", "latent_std")}}

    def infer(self, image, noise, num_iterations=None):
        """Runs the inference and returns what every iteration computed.

        Args:
            image: As in `call`.
            noise: As in `call`.
            num_iterations: int or None. Overrides T.

        Returns:
            List of T + 1 dicts. All have `zp` [B,K,2Z], the parameters of the posterior; `latents`, `latent_mean`,
            `latent_std` [B,K,Z]; `canvas` [B,K,H,W,1+C], mask logits and means; `log_masks`, `masks` [B,K,H,W];
            `components`, `log_densities` [B,K,H,W,C]; `reconstruction` [B,H,W,C]; `log_likelihood` [B,H,W]; `nll` [B];
            `kl` [B,K]. All but the last have `raw` and `inputs`, dicts of the refinement's inputs before and after
            `RefinementInputs`; `state`; and what `RefinementNetwork` adds.

        Raises:
            UserError: the sequences are too short for T.
        """
        num_iterations, slots_noise = self._count(num_iterations), at_least_float32(noise["slots"])
        self._check_frames(image, num_iterations)
        parameters = self.initial_posterior(slots_noise)  # [B,K,2Z]
        state = self.refinement.initial_state(parameters)
        stages = []
        for iteration in range(num_iterations + 1):
            frame = ops.cast(image[:, iteration] if self.num_frames else image, parameters.dtype)  # [B,H,W,C]
            sample_noise = ops.cast(slots_noise[:, :, iteration], parameters.dtype)  # [B,K,Z]
            if iteration == num_iterations:
                stages.append(self._evaluate(frame, parameters, sample_noise, {}))
                return stages
            stage = self._evaluate_with_gradients(frame, parameters, sample_noise)
            inputs = self.refinement_inputs(stage["raw"])
            parameters, state, trace = self.refinement(inputs, parameters, state)
            stages.append({**stage, "inputs": inputs, "state": state, **trace})

    def _evaluate(self, image, parameters, noise, offsets):
        """Samples, decodes and scores: what one iteration knows without gradients, see `infer`.

        Args:
            image: [B,H,W,C].
            parameters: [B,K,2Z].
            noise: [B,K,Z].
            offsets: Dict that may hold `dmask` [B,K,H,W,1] and `dcomponents` [B,K,H,W,C], which are added to the mask
                logits and the means.
        """
        mean, raw = ops.split(parameters, 2, axis=-1)  # [B,K,Z] each
        log_variance = log_softplus(raw)
        std = ops.exp(0.5 * log_variance)
        latents = mean + std * noise
        canvas = at_least_float32(self.decoder(latents))  # [B,K,H,W,1+C]
        logits, means = canvas[..., :1], canvas[..., 1:]
        logits = (logits + offsets["dmask"] if "dmask" in offsets else logits)[..., 0]  # [B,K,H,W]
        means = means + offsets["dcomponents"] if "dcomponents" in offsets else means
        log_densities, log_masks = self.pixel_density(means, image), log_softmax(logits, axis=1)
        log_likelihood = mixture_log_likelihood(log_masks, log_densities, self.options.joint_channels)  # [B,H,W]
        variance = ops.softplus(raw)
        kl = normal_kl(mean, variance, 0.0, PRIOR_VARIANCE[self.options.latent_prior], log_variance)
        return {"zp": parameters, "latents": latents, "latent_mean": mean, "latent_std": std, "canvas": canvas,
                **_paint(logits, means), "log_masks": log_masks, "log_densities": log_densities,
                "log_likelihood": log_likelihood, "nll": -ops.sum(log_likelihood, axis=(1, 2)),
                "kl": ops.sum(kl, axis=-1)}

    def _evaluate_with_gradients(self, image, parameters, noise):
        """`_evaluate`, with `raw`: the inputs of the refinement before normalisation."""
        def loss(inputs):
            stage = self._evaluate(image, inputs.get("dzp", parameters), noise, inputs)
            total = ops.sum(stage["nll"]) + ops.sum(stage["kl"])
            return total / self.options.gradient_batch, stage

        # At these places the gradients are read; zeros are added to what the decoder paints.
        batch, num_slots = ops.shape(parameters)[0], parameters.shape[1]
        height, width, channels = self.image_shape
        places = {"dzp": parameters,
                  "dmask": ops.zeros((batch, num_slots, height, width, 1), parameters.dtype),
                  "dcomponents": ops.zeros((batch, num_slots, height, width, channels), parameters.dtype)}
        places = {name: place for name, place in places.items() if name in self.refinement_inputs.names}
        (_, stage), gradients = value_and_gradient(loss, places, has_aux=True, stop_gradient=True)
        return {**stage, "raw": {**gradients, **self._evidence(image, stage)}}

    def _evidence(self, image, stage):
        """The inputs of the refinement that are no gradients, maps as [B,K or 1,H,W,c]."""
        joint = self.options.joint_channels
        makers = {
            "components": lambda: stage["components"],
            "counterfactual": lambda: (stage["log_likelihood"][:, None] - slot_evidence.log_likelihood_without_each(
                *map(ops.stop_gradient, (stage["canvas"][..., 0], stage["log_densities"])), joint))[..., None],
            "image": lambda: image[:, None],
            "log_prob": lambda: stage["log_likelihood"][:, None, ..., None],
            "mask": lambda: stage["canvas"][..., :1],
            "posterior": lambda: slot_evidence.component_posterior(stage["log_densities"])[..., None],
            "pred_mask": lambda: stage["masks"][..., None],
            "zp": lambda: stage["zp"],
        }
        return {name: make() for name, make in makers.items() if name in self.refinement_inputs.names}

    def decode(self, latents):
        """Paints latents, such as draws from the prior or edited ones.

        Args:
            latents: float [B,K,Z].

        Returns:
            Dict of `reconstruction`, `masks`, `components` and `slots`, as in `call`.
        """
        canvas = at_least_float32(self.decoder(latents))  # [B,K,H,W,1+C]
        return {**_paint(canvas[..., 0], canvas[..., 1:]), "slots": latents}

    def sample_noise_spec(self, batch_size, num_slots=None):
        return {"latents": NoiseSpec((batch_size, num_slots or self.num_slots, self.options.latent_size))}

    def sample(self, noise):
        return self.completed(self.decode(self.prior_std * at_least_float32(noise["latents"])))

    def losses_of(self, target, outputs):
        """Returns `loss`, the weighted sum of all iterations' losses; `nll`, the weighted sum of their negative
        log-likelihoods; `kl`, the plain sum over iterations and slots; `mse` of the last; `nll_t` and `kl_t` of each.
        """
        nll, kl = outputs["iteration_nll"], ops.sum(outputs["iteration_kl"], axis=2)  # [B,T+1]
        num_iterations = nll.shape[1] - 1
        weights = ops.convert_to_tensor(self.loss_weights(num_iterations), dtype=nll.dtype)  # [T+1]
        image = ops.cast(self.scored_frame(target, num_iterations), nll.dtype)
        error = ops.mean(ops.square(image - outputs["reconstruction"]), axis=(1, 2, 3))
        terms = {"loss": ops.sum(weights * (nll + kl), axis=1), "nll": ops.sum(weights * nll, axis=1),
                 "kl": ops.sum(kl, axis=1), "mse": error}
        for iteration in range(num_iterations + 1):
            terms[f"nll_{iteration}"], terms[f"kl_{iteration}"] = nll[:, iteration], kl[:, iteration]
        return terms

    def loss_weights(self, num_iterations):
        """Weights of the losses of T + 1 iterations, float64 array [T + 1]; see `IodineConfig.iteration_weights`.

        Raises:
            UserError: the option is neither `linspace` nor numbers, or their count is neither 1 nor the training's.
        """
        text, count = self.options.iteration_weights, num_iterations + 1
        if text == "linspace":
            return np.linspace(0.0, 1.0, count) if num_iterations else np.ones(1)  # unrefined: what there is
        try:
            weights = [float(word) for word in text.split(",")]
        except ValueError:
            weights = []
        trained = self.num_iterations + 1
        if len(weights) not in (1, trained):
            raise UserError(f"--iteration_weights={text}: expected linspace, one number, or {trained} comma-separated "
                            f"numbers, one for each of the num_iterations={self.num_iterations} refinements and the "
                            "start")
        return np.array([weights[min(index, len(weights) - 1)] for index in range(count)])

    def scored_frame(self, values, num_iterations=None):
        return values[:, self._count(num_iterations)] if self.num_frames else values

    def _count(self, num_iterations):
        return self.num_iterations if num_iterations is None else num_iterations

    def _check_num_slots(self, num_slots):
        if num_slots < 2 and "counterfactual" in self.refinement_inputs.names:
            raise UserError(f"num_slots={num_slots}, but the refinement compares with the image without a slot; use "
                            "--num_slots=2 or more, or --excluded_inputs=counterfactual in training")

    def _check_frames(self, image, num_iterations):
        if self.num_frames and image.shape[1] <= num_iterations:
            raise UserError(f"num_iterations={num_iterations} needs {num_iterations + 1} frames, but the sequences "
                            f"have {image.shape[1]}; use --num_iterations={image.shape[1] - 1}")


def _paint(logits, means):
    """The maps of the contract from mask logits [B,K,H,W] and pixel means [B,K,H,W,C]."""
    masks = softmax(logits, axis=1)
    return {"masks": masks, "components": means, "reconstruction": ops.sum(masks[..., None] * means, axis=1)}
