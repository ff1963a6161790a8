"""A single linear layer that reads factors from latents, trained when the model is finished (IODINE, Section 4.1)."""

import numpy as np
from keras import ops

from tfobj.data.order import epoch_order
from tfobj.metrics import factors as factor_metrics
from tfobj.metrics.factors import CATEGORICAL
from tfobj.ops.autodiff import value_and_gradient

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # Adam (Kingma and Ba 2015)


class LinearProbe:
    """Outputs = latents x kernel + bias, fitted with Adam from zero.

    Latents and scalar factors are shifted and scaled to mean 0 and variance 1 over the training set first. That does
    not change what a linear layer can express, nor R^2, only how fast Adam gets there.

    Args:
        factors: Sequence of `tfobj.metrics.factors.Factor`.
        engine: See `tfobj.training.engine`.

    Attributes:
        losses: List of float, the training loss of every step.
    """

    def __init__(self, factors, engine):
        self._factors, self._engine, self.losses = list(factors), engine, []
        self._state, self._input, self._scales = None, None, {}

    def fit(self, latents, targets, visible, options, report):
        """Trains the layer.

        Args:
            latents: float [N,L,D], one latent per entity, or [N,D], one for all of them.
            targets: Dict from factor to int [N,L] or float [N,L,size], the background first.
            visible: bool [N,L]. Entities that count; the background (entity 0) counts for classes alone.
            options: `tfobj.analysis.options.FactorsOptions`.
            report: Callable (steps done, steps in all).
        """
        num_outputs = sum(factor.num_outputs for factor in self._factors)
        width = num_outputs * (visible.shape[1] if latents.ndim == 2 else 1)
        self._input = _scale(latents[visible] if latents.ndim == 3 else latents)
        self._scales = {factor.name: _scale(targets[factor.name][:, 1:][visible[:, 1:]])
                        for factor in self._factors if factor.kind == factor_metrics.SCALAR}
        data = {"latents": self._scaled(latents), "visible": visible.astype(np.float32),
                **{f"target/{name}": _apply(self._scales.get(name), values) for name, values in targets.items()}}
        self._state = {name: np.zeros(shape, np.float32) for name, shape in (
            ("kernel", (latents.shape[-1], width)), ("bias", (width,)))}
        self._state.update({f"{name}/{moment}": np.zeros_like(self._state[name])
                            for name in ("kernel", "bias") for moment in ("mean", "square")})
        step = self._engine.compiled(lambda state, batch, rate: self._step(state, batch, rate))
        for number, rows in enumerate(_batches(len(latents), options.probe_batch_size, options.probe_steps), start=1):
            correction = np.sqrt(1.0 - _BETA_2 ** number) / (1.0 - _BETA_1 ** number)
            rate = np.float32(options.probe_learning_rate * correction)
            self._state = step(self._state, {name: values[rows] for name, values in data.items()}, rate)
            self.losses.append(float(self._state.pop("loss")))
            report(number, options.probe_steps)

    def predict(self, latents, num_entities):
        """Outputs of the layer by factor, for latents as in `fit`.

        Args:
            latents: float [N,L,D] or [N,D].
            num_entities: int L.

        Returns:
            Dict from factor to float [N,L,num_outputs], scalar factors in their own unit.
        """
        outputs = self._scaled(latents) @ self._state["kernel"] + self._state["bias"]
        parts = factor_metrics.split_outputs(outputs.reshape(len(latents), num_entities, -1), self._factors)
        scales = self._scales
        return {name: part * scales[name][1] + scales[name][0] if name in scales else part
                for name, part in parts.items()}

    def _scaled(self, latents):
        return _apply(self._input, latents)

    def _step(self, state, batch, rate):
        """One step of Adam; `state` with `loss` added."""
        loss, gradients = value_and_gradient(
            lambda layer: self._loss(layer, batch), {name: state[name] for name in ("kernel", "bias")})
        new = {"loss": loss}
        for name, gradient in gradients.items():
            mean = _BETA_1 * state[f"{name}/mean"] + (1.0 - _BETA_1) * gradient
            square = _BETA_2 * state[f"{name}/square"] + (1.0 - _BETA_2) * ops.square(gradient)
            new[name] = state[name] - rate * mean / (ops.sqrt(square) + _EPSILON)
            new.update({f"{name}/mean": mean, f"{name}/square": square})
        return new

    def _loss(self, layer, batch):
        visible = batch["visible"]
        batch_size, num_entities = ops.shape(visible)
        outputs = ops.matmul(batch["latents"], layer["kernel"]) + layer["bias"]
        outputs = ops.reshape(outputs, (batch_size, num_entities, -1))  # [B,L,M]
        targets = {factor.name: batch[f"target/{factor.name}"] for factor in self._factors}
        errors = factor_metrics.factor_errors(outputs, targets, self._factors)
        is_object = ops.cast(ops.arange(num_entities) > 0, visible.dtype)
        errors = {factor.name: errors[factor.name] * (1.0 if factor.kind == CATEGORICAL else is_object)
                  for factor in self._factors}
        return factor_metrics.total_error(errors, visible)


def _batches(count, size, steps):
    """Rows of every step: epochs in random order, the rest that fills no batch left out; int [B]."""
    size = min(size, count)
    per_epoch = count // size
    for step in range(steps):
        epoch, number = divmod(step, per_epoch)
        if number == 0:
            order = epoch_order(0, epoch, count)
        yield order[number * size:(number + 1) * size]


def _scale(values):
    """Mean and standard deviation over all axes but the last; the latter 1 where nothing varies."""
    values = values.reshape(-1, values.shape[-1]).astype(np.float64)
    deviation = values.std(axis=0)
    return values.mean(axis=0), np.where(deviation > 0.0, deviation, 1.0)


def _apply(scale, values):
    return values if scale is None else ((values - scale[0]) / scale[1]).astype(np.float32)
